import type { OnNonFinite } from '../../schemas/merge.ts'
import type { CountedPlan } from './counted-plan.ts'
import { type MergeCounts, mergeCounts } from './merge-counts.ts'
import type { MergeFindings } from './merge-findings.ts'
import type { NonFinite } from './non-finite.ts'
import { nonFiniteWarnings, requireFinite } from './non-finite-report.ts'
import type { Computed } from './tensor-renderer.ts'

/**
 * Findings of a merge before any byte is computed, and the facts that its outcome is judged by. `whyNothing`: the
 * reason if nothing is averaged (see nothing-averaged.ts).
 */
export type Expected<Findings> = {
  findings: Findings
  whyNothing: string | null
  onNonFinite: OnNonFinite | undefined
}

/** Returns the same with more warnings. */
export function withWarnings<Findings extends MergeFindings>(
  { findings, ...expected }: Expected<Findings>,
  warnings: readonly string[],
): Expected<Findings> {
  return { ...expected, findings: { ...findings, warnings: [...findings.warnings, ...warnings] } }
}

/**
 * Returns counts and findings of a merge after every byte was computed.
 * @throws TureenError `TUREEN_NOT_FINITE` if the merge must be finite and is not
 */
export function mergeOutcome<Findings extends MergeFindings>(
  plan: CountedPlan,
  computed: Computed,
  nonFinite: NonFinite,
  { findings, whyNothing, onNonFinite }: Expected<Findings>,
): MergeCounts & Findings {
  requireFinite(nonFinite, onNonFinite)
  const counts = mergeCounts(plan, computed, nonFinite.result)
  const nothing = counts.tensors.averaged === 0 && whyNothing !== null ? [`Nothing was averaged: ${whyNothing}.`] : []
  const warnings = [...nonFiniteWarnings(nonFinite), ...nothing, ...findings.warnings]
  return { ...counts, ...findings, warnings }
}
