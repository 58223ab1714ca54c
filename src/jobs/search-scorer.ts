import { setImmediate } from 'node:timers/promises'
import pLimit from 'p-limit'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import type { Evaluator } from '../evaluate/evaluator-process.ts'
import type { ComparisonOutcome, ComparisonTask } from '../evaluate/protocol.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { Scored } from '../search/run-search.ts'
import type { KeptScores, NewScores, Subject } from './kept-scores.ts'
import type { ResolvedDataset, ResolvedMetric } from './resolve-evaluation.ts'
import { subjectOf, taskOn } from './scoring-task.ts'
import type { SoupFiles } from './search-soups.ts'
import { usableScore } from './usable-score.ts'

/** Milliseconds between two writes of scores, since each write waits for the disk. A crash loses at most the scores of this time. */
const keepMilliseconds = 200

/** The settings that score the soups of a search. */
export type ScorerSettings = {
  /** Returns the value that determines a soup's bytes: a model's digest, or a recipe. */
  identify(soup: CandidateSoup): unknown
  dataset: ResolvedDataset
  metric: ResolvedMetric
  threads: number
  jobId: string
  /** Ends all running evaluations. It fires before the scorer is closed. */
  signal: AbortSignal
}

export type ScorerServices = {
  kept: KeptScores
  evaluators: EvaluatorPool
  files: SoupFiles
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

/** Returns a scorer that scores several soups at a time, each with its own evaluator. It reuses kept scores. */
export function createSearchScorer(settings: ScorerSettings, services: ScorerServices): SearchScorer {
  const { identify, dataset, metric, threads, jobId, signal } = settings
  const { kept, evaluators, files } = services
  const lanes = evaluators.width
  // Write the next soup while an evaluator scores the present one.
  const preparing = pLimit({ concurrency: 2 * lanes, rejectOnClear: true })
  const running = pLimit({ concurrency: lanes, rejectOnClear: true })
  const leases = Array.from({ length: lanes }, () => evaluators.lease())
  const idle = [...leases]
  const keeper = lateKeeper(kept, jobId)
  const outstanding = new Set<Promise<unknown>>()

  const withEvaluator = <Result>(use: (evaluator: Evaluator) => Promise<Result>): Promise<Result> =>
    running(async () => {
      signal.throwIfAborted()
      const lease = idle.pop()
      if (!lease) throw new Error('more models are run at a time than there are evaluators')
      try {
        return await use(lease)
      } finally {
        idle.push(lease)
      }
    })

  const evaluate = async (soup: CandidateSoup, subject: Subject): Promise<Scored> =>
    files.withFiles(soup, async model => {
      const { metrics, ...run } = await withEvaluator(evaluator =>
        evaluator.evaluate({ ...taskOn(dataset, threads), model, metrics: [metric.task] }, signal, () => undefined),
      )
      const value = usableScore(metrics[0]?.value ?? null, run.notANumber, metric)
      keeper.add({ subject, run, scores: [{ identity: metric.identity, outcome: metrics[0] }] })
      return { value, seconds: run.seconds, cached: false, note: metrics[0]?.note, ignored: metrics[0]?.ignored }
    })

  return {
    hasSpare: () => outstanding.size < lanes,
    compare: task => withEvaluator(evaluator => evaluator.compare(task, signal, () => undefined)),
    score(soup) {
      const scored = preparing(async () => {
        // Yield to the event loop, since a search may look up thousands of kept scores in a row.
        await setImmediate()
        signal.throwIfAborted()
        const subject = subjectOf(identify(soup), dataset, threads)
        const score = await kept.score(subject, metric.identity)
        const run = await kept.run(subject)
        if (!score || !run) return evaluate(soup, subject)
        return {
          value: usableScore(score.value, run.notANumber, metric),
          seconds: run.seconds,
          cached: score.jobId !== jobId,
          note: score.note,
          ignored: score.ignored,
        }
      }).finally(() => outstanding.delete(scored))
      outstanding.add(scored)
      return scored
    },
    flush: keeper.flush,
    async close() {
      preparing.clearQueue()
      running.clearQueue()
      for (const lease of leases) lease.end()
      await Promise.allSettled(outstanding)
      await keeper.flush()
    },
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
