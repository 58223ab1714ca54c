import type { ProblemItem } from '../../errors.ts'
import type { ValueDescription } from '../../onnx/skeleton.ts'
import { dtypeKind } from '../element-kinds.ts'
import { roleOf } from './array-roles.ts'
import { describe, mismatch, mostCauses } from './binding-refusals.ts'
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
  const outputNames = new Set(outputs.map(({ name }) => name))
  const data = dataset.arrays.filter(
    array => isFree(array) && roleOf(array.name) === 'data' && !outputNames.has(array.name),
  )
  const open = inputs.filter(({ name }) => !bound.has(name))
  // Each input needs an array of its own, so as many inputs as these show enough of those without one.
  const examined = open.slice(0, data.length + mostCauses)
  const takers = new Map<BoundArray, ValueDescription[]>(data.map(array => [array, []]))
  const candidates = examined.map(input => {
    const fitting = fittingOf(input, data, inputs.length === 1)
    for (const array of fitting) takers.get(array)?.push(input)
    return { input, fitting }
  })
  const found: { input: ValueDescription; array: BoundArray }[] = []
  const failed: (() => ProblemItem)[] = []
  for (const { input, fitting } of candidates) {
    const [array, ...others] = fitting
    const rivals = array ? (takers.get(array) ?? []) : []
    if (array && others.length === 0 && rivals.length === 1) found.push({ input, array })
    else failed.push(() => problemOf(input, fitting, rivals, dataset))
  }
  const more = open.length - examined.length + Math.max(0, failed.length - mostCauses)
  if (failed.length > 0)
    throw mismatch(
      failed.slice(0, mostCauses).map(problem => problem()),
      more,
    )
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
): ProblemItem {
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
    const names = rivals.map(each => each.name).join(' and ')
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
