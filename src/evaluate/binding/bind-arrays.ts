import type { TureenError } from '../../errors.ts'
import type { ValueDescription } from '../../onnx/skeleton.ts'
import { choose, describe, mismatch } from './binding-refusals.ts'
import type { Binding, BindingModel, BindingRequest, BoundArray, BoundInput } from './binding-types.ts'
import { chooseOutput } from './choose-output.ts'
import { batching, bindInput, feedingOf } from './input-feeding.ts'

/**
 * Binds arrays whose first axis is the sample. The request chooses inputs, target and output.
 * @throws TureenError `TUREEN_DATASET_MISMATCH`
 */
export function bindArrays(model: BindingModel, arrays: readonly BoundArray[], request: BindingRequest): Binding {
  const given = new Map(Object.entries(request.inputs ?? {}))
  for (const name of given.keys()) choose(model.inputs, name, 'input', 'inputs')
  if (request.target !== undefined) choose(arrays, request.target, 'array', 'target')
  const bound = new Map<string, BoundInput>()
  const free = (array: BoundArray) =>
    array.name !== request.target && ![...bound.values()].some(each => each.array === array.name)

  for (const input of model.inputs) {
    const name = given.get(input.name)
    const array =
      name === undefined
        ? arrays.find(each => each.name === input.name && free(each))
        : choose(arrays, name, 'array', `inputs.${input.name}`)
    if (array) bound.set(input.name, bindInput(input, array))
  }
  for (const input of model.inputs) {
    if (bound.has(input.name)) continue
    const fitting = arrays.filter(array => free(array) && feedingOf(input, array) !== undefined)
    const [only] = fitting
    if (!only || fitting.length > 1) throw unbound(input, fitting, arrays)
    bound.set(input.name, bindInput(input, only))
  }

  const rest = arrays.filter(array => free(array) && array.dims.length > 0)
  const target = request.target ?? (rest.length === 1 ? (rest[0]?.name ?? null) : null)
  const inputs = model.inputs.flatMap(({ name }) => bound.get(name) ?? [])
  return {
    inputs,
    target,
    output: chooseOutput(
      model,
      request,
      arrays.find(({ name }) => name === target),
    ),
    references: [],
    ...batching(model, inputs, request),
  }
}

function unbound(input: ValueDescription, fitting: readonly BoundArray[], arrays: readonly BoundArray[]): TureenError {
  const list = (some: readonly BoundArray[]) => some.map(array => `${array.name} (${describe(array)})`).join(', ')
  const message =
    fitting.length > 1
      ? `several arrays fit the input ${input.name}; say which: ${list(fitting)}`
      : `no array fits the input ${input.name}, which takes ${describe(input)}; there are: ${list(arrays)}`
  return mismatch([{ field: `inputs.${input.name}`, expected: describe(input), message }])
}
