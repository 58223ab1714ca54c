import type { ValueDescription } from '../../onnx/skeleton.ts'
import { dtypeKind } from '../element-kinds.ts'
import { roleOf } from './array-roles.ts'
import { describe, mismatch } from './binding-refusals.ts'
import type { BindingDataset, BindingModel, BoundArray } from './binding-types.ts'
import { feedingOf } from './input-feeding.ts'

/**
 * Finds an array for each input that has none yet: the only one that fits by kind of type, rank and dims, and fits no other such input. It
 * never takes an array that is named like a target or an identifier, and finds none for an input without axes.
 *
 * @param bound inputs that have an array
 * @param isFree true for arrays that may be taken
 * @throws TureenError `TUREEN_DATASET_MISMATCH` that names each input without an array
 */
export function guessInputs(
  { inputs, outputs }: BindingModel,
  dataset: BindingDataset,
  bound: ReadonlyMap<string, unknown>,
  isFree: (array: BoundArray) => boolean,
): { input: ValueDescription; array: BoundArray }[] {
  const open = inputs.filter(({ name }) => !bound.has(name))
  const data = dataset.arrays.filter(
    array => isFree(array) && roleOf(array.name) === 'data' && !outputs.some(({ name }) => name === array.name),
  )
  const candidates = new Map(open.map(input => [input, fittingOf(input, data, inputs.length === 1)]))
  const found: { input: ValueDescription; array: BoundArray }[] = []
  const problems = open.flatMap(input => {
    const fitting = candidates.get(input) ?? []
    const [array, ...others] = fitting
    const rivals = open.filter(other => other !== input && array && candidates.get(other)?.includes(array))
    if (array && others.length === 0 && rivals.length === 0) {
      found.push({ input, array })
      return []
    }
    return [problemOf(input, fitting, rivals, dataset)]
  })
  if (problems.length > 0) throw mismatch(problems)
  return found
}

/** Returns the arrays that fit an input. Numbers of another kind fit only the single input of a model, if no array fits better. */
function fittingOf(input: ValueDescription, data: readonly BoundArray[], isSingle: boolean): BoundArray[] {
  if (input.dims?.length === 0) return []
  const fitting = data.filter(array => array.dims.length > 0 && feedingOf(input, array) !== undefined)
  const alike = fitting.filter(({ dtype }) => dtypeKind(dtype) === dtypeKind(input.dtype))
  return alike.length > 0 || !isSingle ? alike : fitting
}

function problemOf(
  input: ValueDescription,
  fitting: readonly BoundArray[],
  rivals: readonly ValueDescription[],
  { arrays, unusable = [] }: BindingDataset,
) {
  const list = (some: readonly BoundArray[]) => some.map(array => `${array.name} (${describe(array)})`).join(', ')
  const { name } = input
  const cause = { field: `inputs.${name}`, expected: describe(input) }
  const named = unusable.find(array => array.name === name)
  if (named)
    return {
      ...cause,
      tensor: name,
      message: `the array ${name} for the input ${name} cannot be used. ${withoutDot(named.reason)}`,
    }
  if (fitting.length > 1)
    return {
      ...cause,
      actual: list(fitting),
      message: `several arrays fit the input ${name}; say which in inputs: ${list(fitting)}`,
    }
  const [first] = fitting
  if (first) {
    const names = [input, ...rivals].map(each => each.name).join(' and ')
    return {
      ...cause,
      tensor: first.name,
      message: `the array ${first.name} fits the inputs ${names}; say which in inputs`,
    }
  }
  const how =
    input.dims?.length === 0
      ? `save it as an array without axes that is named ${name}`
      : `save one that is named ${name}, or name one in inputs`
  return {
    ...cause,
    actual: list(arrays),
    message: `no array fits the input ${name}, which takes ${describe(input)}; ${how}; there are: ${list(arrays)}`,
  }
}

function withoutDot(sentence: string): string {
  return sentence.replace(/\.$/, '')
}
