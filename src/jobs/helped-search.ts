import { once } from 'node:events'
import { TureenError } from '../errors.ts'
import type { EvaluationOutcome } from '../evaluate/protocol.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { Catalog } from '../storage/database.ts'
import { requireReadable } from '../storage/unreadable.ts'
import type { CandidateLanes, LaneCandidate } from './candidate-lanes.ts'
import { findJob } from './end-job.ts'
import type { KeptScores, NewScores } from './kept-scores.ts'
import type { OfferedRange } from './range-board.ts'
import type { Stores } from './resolve-evaluation.ts'
import { resolveSearch } from './resolve-search.ts'
import type { Subject } from './score-subject.ts'
import { openSearchSession, readingSearch, type ScoringSession, type SoupScoring } from './search-session.ts'

/** A search of another worker, which this process has opened to score candidates of it. */
export type HelpedSearch = {
  /**
   * Scores the candidates of a range that have no kept score, and keeps the scores. It passes over candidates that cannot be scored: their
   * search finds out what is wrong with them.
   * @param signal ends the work; the scores so far are kept
   * @returns the number of candidates that were scored
   * @throws RangeRefused
   */
  score(range: OfferedRange, signal: AbortSignal): Promise<number>
  /** Resolves when nothing of the search is left, after the signal of its opening has fired. */
  ended: Promise<void>
}

/** The error of a range whose scores depend on other things here than in its search: another version of Tureen or of onnxruntime. */
export class RangeRefused extends Error {}

export type HelpServices = { catalog: Catalog; stores: Stores; scoring: SoupScoring; kept: KeptScores }

/**
 * Opens the search of a job to score candidates of it.
 * @param signal ends the opening and all work on the search; its files stay leased until then
 * @throws TureenError if the search cannot be opened here
 */
export async function openHelpedSearch(
  jobId: string,
  { catalog, stores, scoring, kept }: HelpServices,
  signal: AbortSignal,
): Promise<HelpedSearch> {
  const job = requireReadable({ job: jobId }, (await findJob(catalog, jobId)).job)
  if (job.type !== 'search') {
    const message = 'only searches have candidates'
    throw new TureenError('TUREEN_INTERNAL', `The job ${jobId} cannot be helped: ${message}.`, [
      { job: jobId, message },
    ])
  }
  const search = await resolveSearch(job.request, stores)
  const opened = Promise.withResolvers<HelpedSearch>()
  const ended = readingSearch(search, stores, signal, async () => {
    const session = openSearchSession(search, scoring, signal)
    const { score, end } = rangeScorer(session, jobId, kept)
    opened.resolve({ score, ended })
    await untilStopped(signal)
    await end()
    await session.plans.close()
  })
  ended.catch(opened.reject)
  return opened.promise
}

/** Returns a function that scores ranges of a search in the evaluators of this process, and one that ends the evaluators. */
export function rangeScorer(
  session: ScoringSession,
  jobId: string,
  kept: KeptScores,
): Pick<HelpedSearch, 'score'> & Pick<CandidateLanes, 'end'> {
  const lanes = session.lanes()
  return { score: (range, signal) => scoreRange(range, { session, lanes, kept, jobId }, signal), end: lanes.end }
}

type RangeScoring = { session: ScoringSession; lanes: CandidateLanes; kept: KeptScores; jobId: string }

async function scoreRange(
  { term: place, soups, fingerprint }: OfferedRange,
  { session, lanes, kept, jobId }: RangeScoring,
  signal: AbortSignal,
): Promise<number> {
  const term = session.terms[place]
  if (!term) throw new RangeRefused('this worker does not score the term of its candidates')
  const { identity } = term.metric
  const subjects = soups.map(term.subjectOf)
  if (kept.fingerprint(subjects, identity) !== fingerprint)
    throw new RangeRefused('the scores of its candidates depend on other things here')
  const found = await kept.find(subjects, identity)
  const computed: NewScores[] = []
  const added = new Set<LaneCandidate>()
  const score = async (soup: CandidateSoup, subject: Subject) => {
    const model = await session.soups.runnable(soup)
    const { promise, resolve, reject } = Promise.withResolvers<EvaluationOutcome>()
    const candidate = { task: term.task, model, name: session.nameOf(soup), scored: resolve, failed: reject }
    added.add(candidate)
    lanes.add([candidate], 'last')
    const {
      metrics: [outcome],
      ...run
    } = await promise
    computed.push({ subject, run, scores: [{ identity, outcome }] })
  }
  const scoring = soups.flatMap((soup, index) => {
    const subject = subjects[index]
    return subject && !found[index] ? [score(soup, subject)] : []
  })
  await Promise.race([Promise.allSettled(scoring), untilStopped(signal)])
  lanes.drop(added)
  const scored = [...computed]
  await kept.keep(scored, jobId)
  return scored.length
}

/** Resolves when a signal has fired. */
async function untilStopped(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
