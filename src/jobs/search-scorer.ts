import { setImmediate } from 'node:timers/promises'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import type { ComparisonOutcome, ComparisonTask, EvaluationOutcome } from '../evaluate/protocol.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { Scored } from '../search/run-search.ts'
import { candidateLanes } from './candidate-lanes.ts'
import type { FoundScore, KeptScores, NewScores, Subject } from './kept-scores.ts'
import type { ResolvedDataset, ResolvedMetric } from './resolve-evaluation.ts'
import { subjectOf, taskOn } from './scoring-task.ts'
import type { RunnableSoups } from './search-soups.ts'
import { usableScore } from './usable-score.ts'

/** Milliseconds between two writes of scores, since each write waits for the disk. A crash loses at most the scores of this time. */
const keepMilliseconds = 200

/** Most kept scores that are looked up together. Their keys take about 3 ms to compute. */
const keysOfSlice = 64

/** The settings that score the soups of a search. */
export type ScorerSettings = {
  /** Returns the value that determines a soup's bytes: a model's digest, or a recipe. */
  identify(soup: CandidateSoup): unknown
  /** Returns a soup in words, for errors. */
  nameOf(soup: CandidateSoup): string
  dataset: ResolvedDataset
  metric: ResolvedMetric
  threads: number
  jobId: string
  /** Most bytes of samples that the evaluators of the search keep ready, all together. */
  memoryBytes: number
  /** Ends all running evaluations. It fires before the scorer is closed. */
  signal: AbortSignal
}

export type ScorerServices = {
  kept: KeptScores
  evaluators: EvaluatorPool
  soups: RunnableSoups
}

export type SearchScorer = {
  score(soup: CandidateSoup): Promise<Scored>
  hasSpare(): boolean
  /** Compares models, as soon as an evaluator is free. */
  compare(task: ComparisonTask): Promise<ComparisonOutcome>
  /** Writes all scores so far. */
  flush(): Promise<void>
  /** Writes all scores, and ends the evaluators. Running evaluations fail, and have closed their files when this returns. */
  close(): Promise<void>
}

/** Returns a scorer that scores several soups at a time, in as many evaluators as the machine runs. It reuses kept scores. */
export function createSearchScorer(settings: ScorerSettings, services: ScorerServices): SearchScorer {
  const { identify, nameOf, dataset, metric, threads, jobId, memoryBytes, signal } = settings
  const { kept, evaluators, soups } = services
  const lanes = candidateLanes(
    evaluators,
    {
      ...taskOn(dataset, threads),
      source: soups.source,
      metric: metric.task,
      readyBytes: Math.floor(memoryBytes / evaluators.width),
    },
    signal,
  )
  const find = gathered(async (wanted: readonly CandidateSoup[]) => {
    const subjects = wanted.map(soup => subjectOf(identify(soup), dataset, threads))
    const found = await kept.find(subjects, metric.identity)
    return subjects.map((subject, index) => ({ subject, found: found[index] }))
  })
  const keeper = lateKeeper(kept, jobId)
  const outstanding = new Set<Promise<unknown>>()

  const known = ({ score, run, jobId: owner }: FoundScore): Scored => ({
    value: usableScore(score.value, run.notANumber, metric),
    seconds: run.seconds,
    cached: owner !== jobId,
    note: score.note,
    ignored: score.ignored,
  })
  const computed = (subject: Subject, { metrics, ...run }: EvaluationOutcome): Scored => {
    const [outcome] = metrics
    keeper.add({ subject, run, scores: [{ identity: metric.identity, outcome }] })
    const value = usableScore(outcome?.value ?? null, run.notANumber, metric)
    return { value, seconds: run.seconds, cached: false, note: outcome?.note, ignored: outcome?.ignored }
  }
  const scoreOf = async (soup: CandidateSoup): Promise<Scored> => {
    const { subject, found } = await find(soup)
    signal.throwIfAborted()
    return found ? known(found) : computed(subject, await lanes.score(await soups.runnable(soup), nameOf(soup)))
  }
  return {
    hasSpare: () => outstanding.size < evaluators.width,
    compare: lanes.compare,
    score(soup) {
      const scored = scoreOf(soup).finally(() => outstanding.delete(scored))
      outstanding.add(scored)
      return scored
    },
    flush: keeper.flush,
    async close() {
      await Promise.allSettled([lanes.end(), ...outstanding])
      await keeper.flush()
    },
  }
}

/**
 * Returns a function that looks up one value. It looks up many together, a slice in a turn of the event loop: a search may ask for thousands
 * at once.
 */
function gathered<Key, Found>(findAll: (keys: readonly Key[]) => Promise<Found[]>): (key: Key) => Promise<Found> {
  type Waiting = { key: Key; resolve(found: Found): void; reject(error: unknown): void }
  let waiting: Waiting[] = []
  let isAtWork = false
  const findSlice = async (slice: readonly Waiting[]) => {
    try {
      const found = await findAll(slice.map(({ key }) => key))
      for (const [index, each] of found.entries()) slice[index]?.resolve(each)
    } catch (error) {
      for (const { reject } of slice) reject(error)
    }
  }
  const work = async () => {
    while (waiting.length > 0) {
      await setImmediate()
      const slice = waiting.slice(0, keysOfSlice)
      waiting = waiting.slice(keysOfSlice)
      await findSlice(slice)
    }
    isAtWork = false
  }
  return key => {
    const { promise, resolve, reject } = Promise.withResolvers<Found>()
    waiting.push({ key, resolve, reject })
    if (!isAtWork) void work()
    isAtWork = true
    return promise
  }
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
