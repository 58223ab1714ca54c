import { z } from 'zod'
import type { ScorerReference } from '../../../schemas/search-terms.ts'
import { scoreKey } from '../../storage/scores.ts'
import type { ScoredModel } from '../score-subject.ts'
import type { CandidateOutcome, Split } from './candidate-ledger.ts'

/** Increase it when kept scores from outside mean something else than before. */
const keyVersion = 1

/** A score from outside as it is kept. `sampleScores`: the scores of all samples, of the split `test` only. */
export const outsideScore = z.object({
  score: z.number(),
  samples: z.number().nullable(),
  sampleScores: z.array(z.number()).optional(),
})

/** A kept score from outside: a number, or the mean of the scores of samples. */
export type OutsideScore = z.infer<typeof outsideScore>

/** Returns everything that a score from outside depends on. Its key is made from it. */
export function outsideParts(model: ScoredModel, scorer: ScorerReference, split: Split): unknown {
  return { version: keyVersion, model, external: { name: scorer.name, version: scorer.version }, split }
}

/** Returns the key of a score from outside. */
export function outsideKey(model: ScoredModel, scorer: ScorerReference, split: Split): string {
  return scoreKey(outsideParts(model, scorer, split))
}

/** Returns the score that an outcome has; null for a failure. */
export function scoreOf(outcome: CandidateOutcome, split: Split): OutsideScore | null {
  if ('error' in outcome) return null
  if ('score' in outcome) return { score: outcome.score, samples: null }
  const { scores } = outcome
  const sampleScores = split === 'test' ? { sampleScores: [...scores] } : {}
  return { score: meanOf(scores), samples: scores.length, ...sampleScores }
}

/** Returns the mean of finite numbers, which is finite too. */
function meanOf(scores: readonly number[]): number {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  // The sum of numbers near the largest one overflows.
  return Number.isFinite(mean) ? mean : scores.reduce((sum, score) => sum + score / scores.length, 0)
}
