import { defaultSettings, type MergeSettings } from './merge-input.ts'
import type { MergePlan } from './merge-plan.ts'
import { methodNamed } from './methods/merge-method-registry.ts'
import { ruleOf } from './rule-match.ts'
import { tensorOperations } from './tensor-operations.ts'

/** Other weights for the tensors that a glob matches. */
export type WeightRule = { match: string; weights: readonly number[] }

/**
 * A merge of some of a merge's inputs. `members`: indices of averaged inputs, each with its weight. `rules`: none, or
 * one for each rule of the merge, with the same glob. `parameters`: of the method, in place of those of the merge.
 */
export type CandidateSoup = {
  members: readonly number[]
  weights: readonly number[]
  rules: readonly WeightRule[]
  parameters?: Readonly<Record<string, number>>
}

/** Returns the settings of a candidate's merge. A single model without parameters is that model, by any method. */
export function candidateSettings(
  { members, rules, parameters }: CandidateSoup,
  settings: MergeSettings,
): MergeSettings {
  if (members.length === 1 && !parameters) {
    const { method, parameters: none, normalize, usesBase } = defaultSettings
    return { ...settings, rules, method, parameters: none, normalize, usesBase }
  }
  return { ...settings, rules, parameters: { ...ofMembers(settings.parameters, members), ...parameters } }
}

/** Reduces parameters with a value for each model to some of the models. */
function ofMembers(parameters: MergeSettings['parameters'], members: readonly number[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      Array.isArray(value) ? members.map((member): unknown => value[member]) : value,
    ]),
  )
}

/**
 * Returns the plan of another soup of a planned merge's inputs, by the same method. The comparison and layout of all
 * inputs hold for any of them. Tensors that are identical in all keep the base's encoding.
 *
 * @throws TureenError `TUREEN_WEIGHTS_INVALID`
 */
export function candidatePlan(plan: MergePlan, soup: CandidateSoup, settings: MergeSettings): MergePlan {
  const operations = tensorOperations(soup.weights, candidateSettings(soup, settings))
  const beside = plan.inputs.keys().drop(plan.models)
  // Each model has its own Fisher information; only that of the members is read.
  const places = [
    ...soup.members,
    ...(methodNamed(settings.method).fisher ? soup.members.map(member => plan.models + member) : beside),
  ]
  const pick = <Item>(items: readonly Item[]): Item[] =>
    places.map(place => {
      const item = items[place]
      if (item === undefined) throw new RangeError(`the merge has no input ${place}`)
      return item
    })
  const inputs = pick(plan.inputs)
  const ownInputs = new Set([...inputs, plan.base])
  return {
    ...plan,
    models: soup.members.length,
    inputs,
    tensors: plan.tensors.map(tensor => {
      const rule = soup.rules.length === 0 ? null : ruleOf(tensor.rule, input => ownInputs.has(input))
      const operation = operations.of(rule, tensor.position)
      if (!operation) throw new RangeError('candidates skip no tensors')
      return { ...tensor, sources: pick(tensor.sources), operation }
    }),
  }
}
