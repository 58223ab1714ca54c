import { defaultSettings, type MergeSettings } from './merge-input.ts'
import type { MergePlan } from './merge-plan.ts'
import { methodNamed } from './methods/registry.ts'
import { ruleOf } from './rule-resolution.ts'
import { tensorOperations } from './tensor-operations.ts'

/** Other weights for the tensors that a glob matches. */
export type WeightRule = { match: string; weights: readonly number[] }

/**
 * A merge of some of a merge's inputs. `members`: places among the averaged ones, each with its weight. `rules`: none, or one for each rule
 * of the merge, with the same glob. `parameters`: of the method, in place of those of the merge.
 */
export type CandidateSoup = {
  members: readonly number[]
  weights: readonly number[]
  rules: readonly WeightRule[]
  parameters?: Readonly<Record<string, number>>
}

/** The settings of the merge that a candidate is. One model, of which nothing is to be computed, is that model whatever the method. */
export function candidateSettings<Settings extends Omit<MergeSettings, 'base'>>(
  { members, rules, parameters }: CandidateSoup,
  settings: Settings,
): Settings {
  if (members.length === 1 && !parameters) {
    const { method, parameters: none, normalize, usesBase } = defaultSettings
    return { ...settings, rules, method, parameters: none, normalize, usesBase }
  }
  return { ...settings, rules, parameters: { ...ofMembers(settings.parameters, members), ...parameters } }
}

/** Of parameters with a value for each model of the merge those of some of them. */
function ofMembers(parameters: MergeSettings['parameters'], members: readonly number[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      Array.isArray(value) ? members.map((member): unknown => value[member]) : value,
    ]),
  )
}

/**
 * The plan of another soup of the inputs of a planned merge, by the same method: what was compared and laid out for all of
 * them holds for any of them. Tensors that are identical in all stay in the base's encoding.
 *
 * @throws TureenError `TUREEN_WEIGHTS_INVALID`
 */
export function candidatePlan(plan: MergePlan, soup: CandidateSoup, settings: Omit<MergeSettings, 'base'>): MergePlan {
  const operations = tensorOperations(soup.weights, candidateSettings(soup, settings))
  const beside = plan.inputs.keys().drop(plan.models)
  // Of the Fisher information, which each model has its own of, only that of the members.
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
