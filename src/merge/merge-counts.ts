import type { CountedPlan } from './counted-plan.ts'
import { type MethodReport, methodReport } from './method-report.ts'
import type { Computed } from './tensor-renderer.ts'

/** What a merge did with the tensors of its base, and the NaN and infinite elements among the floats of the result. */
export type MergeCounts = {
  tensors: { averaged: number; copied: number; nonFloat: number }
  nonFinite: number
  /** What the method found, tensor by tensor; left out where it finds nothing out. */
  method?: MethodReport
}

/**
 * @param computed what was computed of the plan, once every byte of every file was
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

/** What several threads have computed of one plan, together. */
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
