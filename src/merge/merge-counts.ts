import type { MergePlan } from './plan.ts'
import type { Computed } from './tensor-renderer.ts'

/** What a merge did with the tensors of its base, and the NaN and infinite elements among the floats of the result. */
export type MergeCounts = { tensors: { averaged: number; copied: number; nonFloat: number }; nonFinite: number }

/** What counting needs to know of a plan. */
export type CountedPlan = Pick<MergePlan, 'carried'> & { tensors: { length: number } }

/** @param computed what was computed of the plan, once every byte of every file was */
export function mergeCounts({ tensors, carried }: CountedPlan, computed: Computed): MergeCounts {
  const averaged = computed.tensors.size
  return {
    tensors: { averaged, copied: tensors.length - averaged + carried.identical, nonFloat: carried.nonFloat },
    nonFinite: computed.nonFinite + carried.nonFinite,
  }
}
