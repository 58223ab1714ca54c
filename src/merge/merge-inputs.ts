import type { WeightValue } from './gradient.ts'
import type { MergeInput } from './merge-input.ts'

/** A model that is averaged, with its weight. */
export type Weighted<Input> = Input & { weight: WeightValue }

/**
 * The files that a merge reads. `base`: the model whose file, names and interface the result has. It is one of `models`
 * if one of them has its content. `companions`: the Fisher information of each model, in the order of the models; empty
 * if the method reads none.
 */
export type MergeInputs<Input> = {
  models: readonly Weighted<Input>[]
  base: Input
  companions: readonly Input[]
}

/** The files that the soups of a search read. `base`: null if each soup is made from its first model's file. */
export type SearchInputs<Input> = Omit<MergeInputs<Input>, 'base'> & { base: Input | null }

/**
 * Returns the inputs of a merge.
 * @param base a model, possibly one with the content of one of `models`; by default the first of them
 * @throws RangeError if there is no model
 */
export function mergeInputs<Input extends Identified>(
  models: readonly Weighted<Input>[],
  base?: Input | null,
  companions: readonly Input[] = [],
): MergeInputs<Input> {
  const [first] = models
  if (!first) throw new RangeError('a merge has no model')
  return { models, base: base ? amongModels(models, base) : first, companions }
}

/**
 * Returns the inputs of a merge of some models of a search.
 * @param members indices of the models in the search
 * @param weights one for each member
 */
export function memberInputs<Input extends Identified>(
  { models, base, companions }: SearchInputs<Input>,
  { members, weights }: { members: readonly number[]; weights: readonly WeightValue[] },
): MergeInputs<Input> {
  const own = members.flatMap((member, index) => {
    const [model, weight] = [models[member], weights[index]]
    return model && weight !== undefined ? [{ ...model, weight }] : []
  })
  if (own.length < members.length) throw new RangeError(`the search has ${models.length} models, each with a weight`)
  return mergeInputs(
    own,
    base,
    members.flatMap(member => companions[member] ?? []),
  )
}

/** Returns each file once, in the order of plans: the models, the base if it is not one of them, the companions. */
export function filesOf<Input extends Identified>({ models, base, companions }: SearchInputs<Input>): Input[] {
  const beside = base && placeAmong(models, base) < 0 ? [base] : []
  return [...models, ...beside, ...companions]
}

/** Returns the index of the base in {@link filesOf}. */
export function placeOfBase<Input extends Identified>({ models, base }: MergeInputs<Input>): number {
  const place = placeAmong(models, base)
  return place < 0 ? models.length : place
}

/** Returns the indices of the companions in {@link filesOf}. */
export function placesOfCompanions<Input extends Identified>(inputs: MergeInputs<Input>): number[] {
  const before = filesOf(inputs).length - inputs.companions.length
  return inputs.companions.map((_, index) => before + index)
}

/** Returns the inputs with `map` applied to each file once, in the order of {@link filesOf}. */
export function mapInputs<Input extends Identified, Mapped extends Identified>(
  inputs: MergeInputs<Input>,
  map: (input: Input) => Mapped,
): MergeInputs<Mapped> {
  const models = inputs.models.map((model): Weighted<Mapped> => ({ ...map(model), weight: model.weight }))
  const base = models[placeAmong(inputs.models, inputs.base)] ?? map(inputs.base)
  return { models, base, companions: inputs.companions.map(map) }
}

type Identified = Pick<MergeInput, 'sha256'>

function amongModels<Input extends Identified>(models: readonly Input[], base: Input): Input {
  return models[placeAmong(models, base)] ?? base
}

function placeAmong(models: readonly Identified[], { sha256 }: Identified): number {
  return models.findIndex(model => model.sha256 === sha256)
}
