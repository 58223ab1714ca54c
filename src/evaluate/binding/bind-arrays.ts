import { requireOneLength } from '../datasets/batch-limits.ts'
import { roleOf } from './array-roles.ts'
import { choose, chooseArray } from './binding-refusals.ts'
import type {
  BindingDataset,
  BindingModel,
  BindingRequest,
  BoundArray,
  BoundDataset,
  BoundInput,
  Guess,
} from './binding-types.ts'
import { chooseOutput } from './choose-output.ts'
import { guessInputs } from './guess-inputs.ts'
import { batching, bindInput } from './input-feeding.ts'

/**
 * Binds arrays whose first axis is the sample. The request chooses inputs, target and output. It binds the other inputs by the names of
 * arrays, and guesses the rest by type, rank and role.
 *
 * @throws TureenError `TUREEN_DATASET_MISMATCH`; `TUREEN_DATASET_UNSUPPORTED` if the request asks for an array that cannot be used
 */
export function bindArrays(model: BindingModel, dataset: BindingDataset, request: BindingRequest): BoundDataset {
  const given = new Map(Object.entries(request.inputs ?? {}))
  for (const name of given.keys()) choose(model.inputs, name, 'input', 'inputs')
  const asked = new Map([...given].map(([input, name]) => [input, chooseArray(dataset, name, `inputs.${input}`)]))
  const askedTarget = request.target === undefined ? undefined : chooseArray(dataset, request.target, 'target')
  const isScalar = ({ dims }: BindingModel['inputs'][number]) => dims?.length === 0
  const askedSamples = model.inputs.filter(input => !isScalar(input)).flatMap(({ name }) => asked.get(name) ?? [])
  const samples = requireOneLength([...askedSamples, ...(askedTarget ? [askedTarget] : [])])
  const bound = new Map<string, BoundInput>()
  const used = () => [
    ...dataset.arrays.filter(({ name }) => [...bound.values()].some(({ array }) => array === name)),
    ...(askedTarget ? [askedTarget] : []),
  ]
  // Inputs with axes tell the number of samples, and a constant saved with one axis is no array of samples.
  for (const input of model.inputs.toSorted((a, b) => Number(isScalar(a)) - Number(isScalar(b)))) {
    const expected = isScalar(input) ? requireOneLength(used()) : samples
    const array =
      asked.get(input.name) ??
      dataset.arrays.find(each => each.name === input.name && each !== askedTarget && hasSamples(each, expected))
    if (array) bound.set(input.name, bindInput(input, array))
  }

  const length = requireOneLength(used())
  const guesses = guessInputs(model, dataset, bound, each => !used().includes(each) && hasSamples(each, length))
  for (const { input, array } of guesses) bound.set(input.name, bindInput(input, array))

  const all = used()
  const allSamples = requireOneLength(all)
  const free = dataset.arrays.filter(
    each => !all.includes(each) && each.dims.length > 0 && hasSamples(each, allSamples),
  )
  const guessedTarget = askedTarget ? undefined : guessTarget(model, dataset, free)
  const target = askedTarget ?? guessedTarget?.array
  const inputs = model.inputs.flatMap(({ name }) => bound.get(name) ?? [])
  return {
    binding: {
      inputs,
      target: target?.name ?? null,
      output: chooseOutput(model, request, target),
      references: [],
      ...batching(model, inputs, request),
    },
    samples: allSamples ?? target?.dims[0],
    guesses: [
      ...guesses.map(({ input, array }): Guess => ({ field: `inputs.${input.name}`, array: array.name })),
      ...(guessedTarget?.isGuess ? [{ field: 'target', array: guessedTarget.array.name }] : []),
    ],
  }
}

/** True if an array is a constant, or has this number of samples. */
function hasSamples({ dims }: BoundArray, samples: number | undefined): boolean {
  return samples === undefined || dims.length === 0 || dims[0] === samples
}

/**
 * Returns the only array that can be the target: the one whose name says so, or else the only one left. `isGuess`: true if there are others,
 * or if its name does not say so.
 */
function guessTarget(
  { outputs }: BindingModel,
  { unusable = [] }: BindingDataset,
  free: readonly BoundArray[],
): { array: BoundArray; isGuess: boolean } | undefined {
  const isTarget = ({ name }: { name: string }) =>
    roleOf(name) === 'target' || outputs.some(output => output.name === name)
  const named = free.filter(isTarget)
  // The array that is meant may be one that cannot be used.
  const choices =
    named.length > 0 || unusable.some(isTarget) ? named : free.filter(({ name }) => roleOf(name) === 'data')
  const [array, ...others] = choices
  if (!array || others.length > 0) return undefined
  return { array, isGuess: free.length > 1 || named.length === 0 }
}
