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
  const [scalars, withAxes] = [model.inputs.filter(isScalar), model.inputs.filter(input => !isScalar(input))]
  const askedSamples = withAxes.flatMap(({ name }) => asked.get(name) ?? [])
  const bound = new Map<string, BoundInput>()
  const used = new Set<BoundArray>(askedTarget ? [askedTarget] : [])
  const bind = (input: BindingModel['inputs'][number], array: BoundArray) => {
    bound.set(input.name, bindInput(input, array))
    used.add(array)
  }
  const byName = new Map(dataset.arrays.map(array => [array.name, array]))
  const bindNamed = (inputs: BindingModel['inputs'], samples: number | undefined) => {
    for (const input of inputs) {
      const named = byName.get(input.name)
      const isFitting = named && named !== askedTarget && hasSamples(named, samples)
      const array = asked.get(input.name) ?? (isFitting ? named : undefined)
      if (array) bind(input, array)
    }
  }
  // Inputs with axes tell the number of samples, and a constant saved with one axis is no array of samples.
  bindNamed(withAxes, requireOneLength([...askedSamples, ...used]))
  bindNamed(scalars, requireOneLength([...used]))

  const samples = requireOneLength([...used])
  const guesses = guessInputs(model, dataset, bound, each => !used.has(each) && hasSamples(each, samples))
  for (const { input, array } of guesses) bind(input, array)

  const allSamples = requireOneLength([...used])
  const free = dataset.arrays.filter(each => !used.has(each) && each.dims.length > 0 && hasSamples(each, allSamples))
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
  const outputNames = new Set(outputs.map(({ name }) => name))
  const isTarget = ({ name }: { name: string }) => roleOf(name) === 'target' || outputNames.has(name)
  const named = free.filter(isTarget)
  // The array that is meant may be one that cannot be used.
  const choices =
    named.length > 0 || unusable.some(isTarget) ? named : free.filter(({ name }) => roleOf(name) === 'data')
  const [array, ...others] = choices
  if (!array || others.length > 0) return undefined
  return { array, isGuess: free.length > 1 || named.length === 0 }
}
