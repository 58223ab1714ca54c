import type { CandidateRange, EvaluationOutcome } from '../protocol.ts'
import { type FedBatches, keptBatches } from './fed-batches.ts'
import type { OpenDataset } from './open-datasets.ts'
import { scoreModel } from './run-evaluation.ts'
import { searchedModel } from './searched-model.ts'
import { sharedSession } from './shared-session.ts'

/** Batches stay ready from range to range: all ranges of a process are of one search. */
let batches: FedBatches | undefined

/**
 * Scores candidates in order, until all are scored or the time of the range is over. It scores at least one.
 * @param onScored hears of each outcome but the last. @returns false if it cannot pass on an outcome of that size; then the range ends
 * @returns the last outcome
 * @throws TureenError as an evaluation does, for the candidate after the last outcome; further codes as a merge does
 */
export async function runRange(
  { models, soups, terms, termOf, milliseconds, readyBytes }: CandidateRange,
  open: OpenDataset,
  onScored: (outcome: EvaluationOutcome) => boolean,
): Promise<EvaluationOutcome> {
  batches ??= keptBatches(readyBytes)
  const over = performance.now() + milliseconds
  const session = sharedSession()
  let last: EvaluationOutcome | undefined
  try {
    for (const [index, model] of models.entries()) {
      const term = terms[termOf[index] ?? -1]
      if (!term) throw new RangeError('a candidate without a term')
      const { metric, ...task } = term
      const opened = session.of(JSON.stringify([model, task.threads]), searchedModel(model, soups, open))
      const running = { open, batches, onProgress: () => undefined, release: session.keep }
      last = await scoreModel([metric], task, opened, running)
      if (index + 1 === models.length || performance.now() >= over || !onScored(last)) break
    }
  } finally {
    await session.end()
  }
  if (!last) throw new RangeError('a range without candidates')
  return last
}
