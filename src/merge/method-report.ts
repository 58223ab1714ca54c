import type { CountedPlan } from './counted-plan.ts'
import type { Counts } from './element-computer.ts'
import type { Facts } from './operation.ts'

/** What a method found in one tensor. */
export type TensorFacts = Facts & { tensor: string; elements: number }

export type MethodReport = {
  tensors: TensorFacts[]
  /** Tensors that are left out of the list. */
  omitted: number
  /** Over all tensors of which entries were counted. */
  totals: { elements: number; kept?: number[]; signConflicts?: number }
}

/** Tensors that a report lists at most: it is kept with its job, and read as a whole. */
const listedTensors = 2000

/** What a method has found out and counted; nothing if it does neither. */
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
 * Facts with a value for each averaged model: 0 for one that was left out, whose changes were not kept and which was multiplied with 0.
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
