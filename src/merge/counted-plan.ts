import type { MergePlan } from './merge-plan.ts'
import { mayHide } from './non-finite.ts'
import type { Facts } from './operation.ts'

/** `taking`: the recipe positions of the models that take part. */
export type DescribedTensor = { name: string; elements: number; facts: Facts; taking: readonly number[] }

/**
 * The part of a plan that counting needs. `described`: tensors about which a method may have found facts, by index in
 * the plan.
 */
export type CountedPlan = Pick<MergePlan, 'carried' | 'models'> & {
  tensors: number
  /** True if there may be NaN and infinite elements that the counts of the computed result do not show. */
  mayHide: boolean
  described: ReadonlyMap<number, DescribedTensor>
}

/** Reduces a plan to what counting needs. @param facts found while the plan was prepared */
export function countedPlan(
  { carried, kept, models, tensors }: MergePlan,
  facts: ReadonlyMap<number, Facts>,
): CountedPlan {
  const described = tensors.flatMap(({ name, elements, operation }, place) => {
    const own = facts.get(place)
    if (!own && operation.kind !== 'elements') return []
    const taking = operation.kind === 'elements' ? operation.settings.models : []
    return [[place, { name, elements, facts: own ?? {}, taking }] as const]
  })
  return {
    carried,
    models,
    tensors: tensors.length,
    mayHide: kept.length > 0 || tensors.some(mayHide),
    described: new Map(described),
  }
}
