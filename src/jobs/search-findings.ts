import type { MergeFindings } from '../merge/merge-findings.ts'
import type { NonFinite } from '../merge/non-finite.ts'
import { nonFiniteNotes } from '../merge/non-finite-report.ts'

/**
 * Returns the notes on the models of a search: how they were paired, and which are not finite. There are none if the models could not be
 * planned: they cannot be read any more, and all scores were kept.
 *
 * @throws the error of `nonFinite` for models that were planned: a result must not pass over NaN that nobody has looked for
 */
export function searchFindings(
  planned: Promise<{ findings: MergeFindings }>,
  nonFinite: Promise<NonFinite>,
): Promise<MergeFindings> {
  return planned.then(
    async ({ findings }) => ({ ...findings, warnings: [...nonFiniteNotes(await nonFinite), ...findings.warnings] }),
    () => ({ warnings: [] }),
  )
}
