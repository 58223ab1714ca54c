import type { CountedPlan } from './counted-plan.ts'
import { type MethodReport, methodReport } from './method-report.ts'
import type { Computed } from './tensor-renderer.ts'

/**
 * Counts of a merge: the tensors of its base by treatment, and the NaN and infinite elements among the floats of the
 * result.
 */
export type MergeCounts = {
  tensors: { averaged: number; copied: number; nonFloat: number }
  nonFinite: number
  /** Facts that the method found, by tensor; absent if it finds none. */
  method?: MethodReport
}

/**
 * Counts the tensors of a merge.
 * @param computed of the plan, after every byte of every file was computed
 * @param nonFinite NaN and infinite elements of the result
 */
export function mergeCounts(plan: CountedPlan, computed: Computed, nonFinite: number): MergeCounts {
  const { tensors, carried } = plan
  const averaged = computed.tensors.size
  return {
    tensors: { averaged, copied: tensors - averaged + carried.identical, nonFloat: carried.nonFloat },
    nonFinite,
    ...methodReport(plan, computed.counts),
  }
}

/** Adds up what several threads computed of one plan. */
export function addComputed(parts: readonly Computed[]): Computed {
  const counts = new Map<number, Record<string, number>>()
  for (const [place, own] of parts.flatMap(part => [...part.counts])) {
    const sum = counts.get(place) ?? {}
    for (const [name, count] of Object.entries(own)) sum[name] = (sum[name] ?? 0) + count
    counts.set(place, sum)
  }
  const nonFinite = new Map<number, number>()
  for (const [place, found] of parts.flatMap(part => [...part.nonFinite]))
    nonFinite.set(place, (nonFinite.get(place) ?? 0) + found)
  return {
    tensors: new Set(parts.flatMap(part => [...part.tensors])),
    nonFinite,
    counts,
  }
}
