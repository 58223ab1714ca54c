import type { CountedPlan } from './counted-plan.ts'
import type { Counts } from './element-computer.ts'
import type { Facts } from './operation.ts'

/** Facts that a method found in one tensor. */
export type TensorFacts = Facts & { tensor: string; elements: number }

export type MethodReport = {
  tensors: TensorFacts[]
  /** The number of tensors that are not listed. */
  omitted: number
  /** Sums over all tensors with counted entries. */
  totals: { elements: number; kept?: number[]; signConflicts?: number }
}

/** The largest number of tensors in a report: it is stored with its job, and read as a whole. */
const listedTensors = 2000

/** Returns the facts and counts of a method; an empty object if it has none. */
export function methodReport(
  { described, models }: Pick<CountedPlan, 'described' | 'models'>,
  counts: ReadonlyMap<number, Readonly<Counts>>,
): { method?: MethodReport } {
  const found = [...described].flatMap(([place, { name, elements, facts, taking }]): TensorFacts[] => {
    const own = { ...facts, ...factsOfAll(countedFacts(counts.get(place) ?? {}, taking.length), taking, models) }
    return Object.keys(own).length > 0 ? [{ tensor: name, elements, ...own }] : []
  })
  if (found.length === 0) return {}
  const listed = found.slice(0, listedTensors)
  return { method: { tensors: listed, omitted: found.length - listed.length, totals: totalsOf(found, models) } }
}

/**
 * Returns facts with a value for each averaged model. A model that was left out has 0: no changes kept, and a
 * coefficient of 0.
 * @param taking the positions of the models that took part
 * @param models the number of averaged models
 */
export function factsOfAll({ kept, coefficients, ...facts }: Facts, taking: readonly number[], models: number): Facts {
  const spread = (values: readonly number[]) => {
    const all = Array.from({ length: models }, () => 0)
    for (const [index, model] of taking.entries()) all[model] = values[index] ?? 0
    return all
  }
  return {
    ...facts,
    ...(kept === undefined ? {} : { kept: spread(kept) }),
    ...(coefficients === undefined ? {} : { coefficients: coefficients && spread(coefficients) }),
  }
}

function countedFacts({ signConflicts, ...kept }: Readonly<Counts>, models: number): Facts {
  return {
    ...('kept0' in kept ? { kept: Array.from({ length: models }, (_, model) => kept[`kept${model}`] ?? 0) } : {}),
    ...(signConflicts === undefined ? {} : { signConflicts }),
  }
}

function totalsOf(found: readonly TensorFacts[], models: number): MethodReport['totals'] {
  const elements = found.reduce((sum, each) => sum + each.elements, 0)
  const kept = Array.from({ length: models }, () => 0)
  let hasKept = false
  let signConflicts: number | undefined
  for (const facts of found) {
    hasKept ||= facts.kept !== undefined
    for (const [model, count] of facts.kept?.entries() ?? []) kept[model] = (kept[model] ?? 0) + count
    if (facts.signConflicts !== undefined) signConflicts = (signConflicts ?? 0) + facts.signConflicts
  }
  return { elements, ...(hasKept ? { kept } : {}), ...(signConflicts === undefined ? {} : { signConflicts }) }
}
