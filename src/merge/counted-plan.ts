import type { MergePlan } from './merge-plan.ts'
import { mayHide } from './non-finite.ts'
import type { Facts } from './operation.ts'

/** `taking`: the positions in the recipe of the models that take part. */
export type DescribedTensor = { name: string; elements: number; facts: Facts; taking: readonly number[] }

/**
 * What counting needs to know of a plan. `described`: the tensors that a method may have found something out about, by their place in
 * the plan.
 */
export type CountedPlan = Pick<MergePlan, 'carried' | 'models'> & {
  tensors: number
  /** Whether there can be NaN and infinite elements that counts of the computed result do not show. */
  mayHide: boolean
  described: ReadonlyMap<number, DescribedTensor>
}

/** @param facts what the method has found out when the plan was prepared */
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
