import { createHash } from 'node:crypto'
import type { JobProgress } from '../../../schemas/job.ts'
import { jobProgress } from '../../../schemas/job.ts'
import { TureenError } from '../../errors.ts'
import type { Catalog } from '../../storage/database.ts'
import { readDocument, writeDocument } from '../../storage/documents/stored-document.ts'
import { keepScore } from '../../storage/scores.ts'
import { readOr } from '../../storage/unreadable.ts'
import { hasEnded } from '../end-job.ts'
import { jobDocuments } from '../job-documents.ts'
import { insertLog, insertProgress } from '../job-event-rows.ts'
import type { CandidateOutcome, ExternalCandidate } from './candidate-ledger.ts'
import { outcomeText, soupText } from './candidate-rows.ts'
import type { ExternalSearch } from './locked-search.ts'
import { type OutsideScore, scoreOf } from './outside-scores.ts'

/**
 * Settles a candidate of a locked search, keeps its score for other searches, and tells the followers of the job.
 * @returns false if it has this outcome already
 * @throws TureenError `TUREEN_CANDIDATE_SCORED` if it has another one
 */
export async function settleCandidate(
  transaction: Catalog,
  search: ExternalSearch,
  candidate: ExternalCandidate,
  outcome: CandidateOutcome,
  now: string,
): Promise<boolean> {
  const { id, split } = candidate
  const { details, ...told } = outcome
  const digest = createHash('sha256').update(JSON.stringify(told)).digest('hex')
  const row = await transaction
    .selectFrom('search_candidates')
    .select(['score_key', 'models', 'required', 'outcome_digest'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  if (candidate.state === 'scored' || candidate.state === 'unscored') {
    if (row.outcome_digest === digest) return false
    throw alreadySettled(search.id, candidate, outcome)
  }
  const kept = scoreOf(outcome, split)
  const error = 'error' in outcome ? outcome.error : null
  const stored = { score: kept?.score ?? null, samples: kept?.samples ?? null, error, by: 'scorer' as const }
  await transaction
    .updateTable('search_candidates')
    .set({
      state: kept ? 'scored' : 'unscored',
      outcome: outcomeText(stored),
      details: details ? JSON.stringify(details) : null,
      outcome_digest: digest,
      sample_scores: kept?.sampleScores ? JSON.stringify(kept.sampleScores) : null,
      settled_at: now,
    })
    .where('id', '=', id)
    .execute()
  if (kept && (await canBeUsedAgain(transaction, row.models)))
    await keepScore(transaction, { key: row.score_key, models: row.models, value: kept }, search.id)
  if (hasEnded(search.status)) return true
  if (error !== null) await insertLog(transaction, search.id, `The candidate ${id} is unscored: ${error}`)
  if (split === 'selection' && row.required === 1) await tellProgress(transaction, search, candidate, kept, now)
  return true
}

/** True if all models of a score still exist. Those of an ended search may have been deleted, and the score would stay for ever. */
async function canBeUsedAgain(transaction: Catalog, models: string): Promise<boolean> {
  const numbers = models.split(',').filter(Boolean).map(Number)
  const rows = transaction.selectFrom('scored_models').select('number').where('number', 'in', numbers)
  return (await rows.execute()).length === numbers.length
}

/** Saves and tells the progress of a search after a score: one candidate more if it has all of its scores now. */
async function tellProgress(
  transaction: Catalog,
  { id, status, progress, direction, begunAt }: ExternalSearch,
  { soup }: ExternalCandidate,
  kept: OutsideScore | null,
  now: string,
): Promise<void> {
  // A running start tells its own progress.
  if (status !== 'waiting' || progress === null) return
  const before = readOr<JobProgress, undefined>(
    () => readDocument(jobDocuments.progress, jobProgress, progress),
    () => undefined,
  )
  if (!before) return
  const others = await transaction
    .selectFrom('search_candidates')
    .select('id')
    .where('job_id', '=', id)
    .where('soup', '=', soupText(soup))
    .where('split', '=', 'selection')
    .where('state', 'in', ['open', 'leased'])
    .limit(1)
    .execute()
  if (others.length > 0) return
  const done = before.done + 1
  const total = Math.max(done, before.total)
  const next: JobProgress = {
    ...before,
    done,
    total,
    message: `candidate ${done} of ${total}`,
    best: direction === null ? (before.best ?? null) : better(before.best ?? null, kept?.score ?? null, direction),
    ...(begunAt === null ? {} : { seconds: Math.max(0, (Date.parse(now) - Date.parse(begunAt)) / 1000) }),
    secondsLeft: null,
  }
  await transaction
    .updateTable('jobs')
    .set({ progress: writeDocument(jobDocuments.progress, next) })
    .where('id', '=', id)
    .execute()
  await insertProgress(transaction, id, next)
}

function better(a: number | null, b: number | null, direction: string): number | null {
  if (a === null || b === null) return a ?? b
  return direction === 'max' ? Math.max(a, b) : Math.min(a, b)
}

function alreadySettled(jobId: string, candidate: ExternalCandidate, outcome: CandidateOutcome): TureenError {
  const has =
    candidate.score === null
      ? `is unscored: ${candidate.error}`
      : `has the score ${candidate.score} since ${candidate.settledAt}`
  const sent =
    'error' in outcome
      ? 'an error'
      : 'score' in outcome
        ? `the score ${outcome.score}`
        : `${outcome.scores.length} scores`
  return new TureenError(
    'TUREEN_CANDIDATE_SCORED',
    `The candidate ${candidate.id} ${has}. Its outcome never changes, and ${sent} was sent. Go on with another candidate.`,
    [
      {
        job: jobId,
        expected: candidate.score === null ? 'no outcome' : String(candidate.score),
        actual: sent,
        message: has,
      },
    ],
  )
}
