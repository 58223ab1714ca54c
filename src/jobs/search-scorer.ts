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
  const find = gathered((subjects: readonly Subject[]) => kept.find(subjects, metric.identity))
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
    const subject = subjectOf(identify(soup), dataset, threads)
    const found = await find(subject)
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

/** Returns a function that looks up one value. Values that are asked for in one turn of the event loop are looked up together. */
function gathered<Key, Found>(
  findAll: (keys: readonly Key[]) => Promise<(Found | undefined)[]>,
): (key: Key) => Promise<Found | undefined> {
  let waiting: Key[] = []
  let found: Promise<(Found | undefined)[]> | undefined
  return async key => {
    const place = waiting.push(key) - 1
    found ??= setImmediate().then(() => {
      const keys = waiting
      waiting = []
      found = undefined
      return findAll(keys)
    })
    return (await found)[place]
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
