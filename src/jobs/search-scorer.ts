import type { Mistakes } from '../evaluate/mistakes.ts'
import type { ComparisonOutcome, ComparisonTask, EvaluationOutcome, MistakesTask } from '../evaluate/protocol.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { Scored, ScoredSoup } from '../search/scored-candidate.ts'
import type { CandidateScoring } from './candidate-scoring.ts'
import { gathered } from './gathered.ts'
import type { FoundScore, KeptScores, NewScores } from './kept-scores.ts'
import type { Subject } from './score-subject.ts'
import type { ScoringSession, SessionTerm } from './search-session.ts'
import { usableScore } from './usable-score.ts'

/** Milliseconds between two writes of scores, since each write waits for the disk. A crash loses at most the scores of this time. */
const keepMilliseconds = 200

export type SearchScorer = {
  /** Scores a soup in all terms. @param isAnticipated true while the search can go on without the score */
  score(soup: CandidateSoup, isAnticipated?: boolean): Promise<ScoredSoup>
  hasSpare(): boolean
  /** Compares models, as soon as an evaluator is free. */
  compare(task: ComparisonTask): Promise<ComparisonOutcome>
  /** Finds the samples that exactly one of two models gets right, as soon as an evaluator is free. */
  tellMistakes(task: MistakesTask): Promise<Mistakes>
  /** Writes all scores so far. */
  flush(): Promise<void>
  /** Writes all scores, and ends the evaluators. Running evaluations fail, and have closed their files when this returns. */
  close(): Promise<void>
}

/** Scores a soup by one term. */
type TermScorer = (soup: CandidateSoup, isAnticipated: boolean) => Promise<Scored>

/**
 * The scorers outside of the server. `width`: number of soups that they may score at the same time beside those that the search awaits.
 */
export type ExternalTerms = {
  width: number
  /** Scores a soup by a term, given its place in the request. */
  score(term: number, soup: CandidateSoup, isAnticipated: boolean): Promise<Scored>
  /** Returns the promise of work of this server. While there is such work, the search waits for no scorer. */
  track<Value>(work: Promise<Value>): Promise<Value>
  /** Hears that this server computes a score. */
  computing(): void
}

/** The parts of a session that a scorer uses. */
export type ScorerSession = Pick<ScoringSession, 'terms' | 'isList' | 'width' | 'soups' | 'nameOf'>

export type ScorerServices = { kept: KeptScores; jobId: string; external?: ExternalTerms | undefined }

/**
 * Returns a scorer that scores several soups at a time. It reuses kept scores.
 * @param signal ends all running evaluations; it fires before the scorer is closed
 */
export function createSearchScorer(
  session: ScorerSession,
  scoring: CandidateScoring,
  { kept, jobId, external = nobody }: ScorerServices,
  signal: AbortSignal,
): SearchScorer {
  const keeper = lateKeeper(kept, jobId)
  const outstanding = new Set<Promise<unknown>>()
  const scorers = session.terms.map(
    (term, index): TermScorer =>
      term
        ? termScorer(session, { ...term, index }, { scoring, kept, jobId, keep: keeper.add, external }, signal)
        : (soup, isAnticipated) => external.score(index, soup, isAnticipated),
  )
  const scoreOf = async (soup: CandidateSoup, isAnticipated: boolean): Promise<ScoredSoup> => {
    const scores = await Promise.all(scorers.map(score => score(soup, isAnticipated)))
    const [only] = scores
    if (only && !session.isList) return only
    return {
      value: null,
      seconds: scores.reduce((sum, { seconds }) => sum + seconds, 0),
      cached: scores.every(({ cached }) => cached),
      terms: scores,
    }
  }
  return {
    hasSpare: () => outstanding.size < session.width + scoring.helping + external.width,
    compare: scoring.compare,
    tellMistakes: scoring.tellMistakes,
    score(soup, isAnticipated = false) {
      const scored = scoreOf(soup, isAnticipated).finally(() => outstanding.delete(scored))
      outstanding.add(scored)
      return scored
    },
    flush: keeper.flush,
    async close() {
      await Promise.allSettled([scoring.end(), ...outstanding])
      await keeper.flush()
    },
  }
}

/** The scorers of a search that has none outside of the server. */
const nobody: ExternalTerms = {
  width: 0,
  score: term => Promise.reject(new RangeError(`nothing scores the term ${term} of the search`)),
  track: work => work,
  computing: () => undefined,
}

type TermServices = {
  scoring: CandidateScoring
  kept: KeptScores
  jobId: string
  keep(scores: NewScores): void
  external: Pick<ExternalTerms, 'track' | 'computing'>
}

/** Returns the scorer of a term on a data set. @param term the term, with its place in the request */
function termScorer(
  { soups, nameOf }: Pick<ScorerSession, 'soups' | 'nameOf'>,
  { metric, task, subjectOf, index: term }: SessionTerm & { index: number },
  { scoring, kept, jobId, keep, external }: TermServices,
  signal: AbortSignal,
): TermScorer {
  const find = gathered(async (wanted: readonly CandidateSoup[]) => {
    const subjects = wanted.map(subjectOf)
    const found = await kept.find(subjects, metric.identity)
    return subjects.map((subject, index) => ({ subject, found: found[index] }))
  })
  const known = ({ score, run, jobId: owner }: FoundScore): Scored => ({
    value: usableScore(score.value, run.notANumber, metric),
    seconds: run.seconds,
    cached: owner !== jobId,
    note: score.note,
    ignored: score.ignored,
  })
  const computed = (subject: Subject, { metrics, ...run }: EvaluationOutcome): Scored => {
    const [outcome] = metrics
    keep({ subject, run, scores: [{ identity: metric.identity, outcome }] })
    const value = usableScore(outcome?.value ?? null, run.notANumber, metric)
    return { value, seconds: run.seconds, cached: false, note: outcome?.note, ignored: outcome?.ignored }
  }
  const scoreOf = async (soup: CandidateSoup): Promise<Scored> => {
    const { subject, found } = await find(soup)
    signal.throwIfAborted()
    if (found) return known(found)
    external.computing()
    const model = await soups.runnable(soup)
    const { promise, resolve, reject } = Promise.withResolvers<Scored>()
    scoring.score({
      term,
      task,
      soup,
      subject,
      model,
      name: nameOf(soup),
      scored: outcome => resolve(computed(subject, outcome)),
      found: score => resolve(known(score)),
      failed: reject,
    })
    return promise
  }
  return soup => external.track(scoreOf(soup))
}

/** Returns a keeper that gathers scores and writes many at a time. */
function lateKeeper(kept: KeptScores, jobId: string) {
  let waiting: NewScores[] = []
  let writing: Promise<unknown> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const write = () => {
    timer = undefined
    const entries = waiting
    waiting = []
    writing = writing.then(() => kept.keep(entries, jobId))
    // flush reports the error.
    writing.catch(() => undefined)
  }
  return {
    add(entry: NewScores) {
      waiting.push(entry)
      timer ??= setTimeout(write, keepMilliseconds)
    },
    async flush() {
      clearTimeout(timer)
      write()
      await writing
    },
  }
}
