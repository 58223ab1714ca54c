import type { CandidateRange, EvaluationOutcome } from '../protocol.ts'
import { type FedBatches, keptBatches } from './fed-batches.ts'
import type { OpenDataset } from './open-datasets.ts'
import { scoreModel } from './run-evaluation.ts'
import { searchedModel } from './searched-model.ts'
import { sharedSession } from './shared-session.ts'

/** Batches stay ready from range to range: all ranges of a process are of one search. */
let batches: FedBatches | undefined

/** Part of the seconds of a candidate from which on it is worth while to keep its model open for its other terms. */
const longOpening = 0.25

/**
 * Scores candidates in order, until all are scored or the time of the range is over. It scores at least one. If opening a model takes long beside
 * scoring it, the range ends behind the last term of the model.
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
  const keyOf = (index: number) => JSON.stringify([models[index], terms[termOf[index] ?? -1]?.threads])
  let last: EvaluationOutcome | undefined
  try {
    for (const [index, model] of models.entries()) {
      const term = terms[termOf[index] ?? -1]
      if (!term) throw new RangeError('a candidate without a term')
      const { metric, ...task } = term
      const key = keyOf(index)
      const opened = session.of(key, searchedModel(model, soups, open))
      const running = { open, batches, onProgress: () => undefined, release: session.keep }
      last = await scoreModel([metric], task, opened, running)
      const isHeld = keyOf(index + 1) === key && session.openingSeconds > longOpening * last.seconds
      const isOver = performance.now() >= over && !isHeld
      if (index + 1 === models.length || isOver || !onScored(last)) break
    }
  } finally {
    await session.end()
  }
  if (!last) throw new RangeError('a range without candidates')
  return last
}
