import { blame } from '../errors.ts'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import type { Mistakes } from '../evaluate/mistakes.ts'
import type {
  CandidateRange,
  ComparisonOutcome,
  ComparisonTask,
  EvaluationOutcome,
  MetricScoring,
  MistakesTask,
  RunnableModel,
} from '../evaluate/protocol.ts'

/** Milliseconds of work of one range. A crash of an evaluator loses at most so much. */
export const rangeMilliseconds = 1_000

/** Candidates of the longest range before an evaluator has shown how many it scores in that time. */
const firstCandidates = 64

/** The part of all ranges of a search that does not change. */
export type RangeSource = Pick<CandidateRange, 'soups' | 'readyBytes' | 'datasets'>

/**
 * A candidate for an evaluator, to be scored by one term. It hears either its outcome or an error, once for each time that it is added.
 * `task`: the same object for all candidates of a term. `name`: for errors.
 */
export type LaneCandidate = {
  task: MetricScoring
  model: RunnableModel
  name: string
  scored(outcome: EvaluationOutcome): void
  failed(error: unknown): void
}

/** The evaluators of one search. */
export type CandidateLanes<Candidate extends LaneCandidate = LaneCandidate> = {
  /** The number of candidates that no evaluator has begun. */
  readonly waiting: number
  /** True if an evaluator has nothing to do. */
  readonly hasIdle: boolean
  /** Adds candidates behind those that wait, or before them. */
  add(candidates: readonly Candidate[], place: 'first' | 'last'): void
  /** Removes candidates that no evaluator has begun and that may leave, from the last on: at most `most`. They hear nothing. */
  withdraw(most: number, mayLeave: (candidate: Candidate) => boolean): Candidate[]
  /** Removes candidates that no evaluator has begun. They hear nothing. */
  drop(candidates: ReadonlySet<Candidate>): void
  /** Compares models, as soon as an evaluator is free. */
  compare(task: ComparisonTask): Promise<ComparisonOutcome>
  /** Finds the samples that exactly one of two models gets right, as soon as an evaluator is free. */
  tellMistakes(task: MistakesTask): Promise<Mistakes>
  /** Ends the evaluators. Running work fails. Resolves when no file of the search is left in the directories of the evaluators. */
  end(): Promise<void>
}

/**
 * Shares candidates among as many evaluators as the machine runs, in ranges. The more candidates wait, the longer a range. It has half of an
 * evaluator's share, so that all evaluators end at about the same time. It has no more than twice what an evaluator has managed. An evaluator
 * gives back what it cannot begin within a second. Terms of the same soup follow each other in a range, so that the evaluator makes it once.
 *
 * @param source returns the models that soups are made from, and the data sets
 * @param signal ends the work; it fires before the lanes are ended
 * @param onDealt called after candidates were dealt to the evaluators that were idle
 */
export function candidateLanes<Candidate extends LaneCandidate>(
  evaluators: Pick<EvaluatorPool, 'width' | 'lease'>,
  source: () => RangeSource,
  signal: AbortSignal,
  onDealt: () => void = () => undefined,
): CandidateLanes<Candidate> {
  const lanes = evaluators.width
  const leases = Array.from({ length: lanes }, () => evaluators.lease())
  type Lease = (typeof leases)[number]
  const idle = [...leases]
  let waiting: Candidate[] = []
  /** Comparisons that wait for an evaluator. */
  const asking: { resolve(lease: Lease): void; reject(error: unknown): void }[] = []
  /** Number of candidates of the longest range. */
  let longest = firstCandidates
  let isDue = false

  /**
   * Takes the candidates of a range. Those of the soups that wait longest come first, all terms of a soup together. The first soup is not shared
   * among evaluators while there is another one for each that is idle.
   */
  const takeRange = (): Candidate[] => {
    const [first = [], ...others] = Map.groupBy(waiting, soupOf).values()
    const least = others.length >= idle.length ? first.length : 1
    const most = Math.max(least, Math.min(longest, Math.ceil(waiting.length / (2 * lanes))))
    waiting = [first, ...others].flat()
    return waiting.splice(0, most)
  }
  const score = async (lease: Lease, range: readonly Candidate[]): Promise<void> => {
    let done = 0
    try {
      const models = range.map(({ model }) => model)
      const terms = [...new Set(range.map(({ task }) => task))]
      const termOf = range.map(({ task }) => terms.indexOf(task))
      const given = { ...source(), models, terms, termOf, milliseconds: rangeMilliseconds }
      await lease.score(given, signal, outcome => {
        range[done]?.scored(outcome)
        done += 1
      })
      longest = Math.max(2 * done, done < range.length ? 0 : longest)
      waiting.unshift(...range.slice(done))
    } catch (error) {
      const [failed, ...others] = range.slice(done)
      const named = signal.aborted ? error : blame(error, failed?.name ?? 'a candidate')
      failed?.failed(named)
      for (const each of others) each.failed(named)
    }
  }
  const work = () => {
    isDue = false
    while (idle.length > 0 && (asking.length > 0 || waiting.length > 0)) {
      // The evaluator that was used last is warm.
      const lease = idle.pop()
      if (!lease) return
      const ask = asking.shift()
      if (ask) ask.resolve(lease)
      else void score(lease, takeRange()).then(() => free(lease))
    }
    onDealt()
  }
  /** Begins work once the present turn of the event loop is over: candidates often come together. */
  const workSoon = () => {
    if (!isDue) setImmediate(work)
    isDue = true
  }
  const drop = (candidates: ReadonlySet<Candidate>) => {
    waiting = waiting.filter(each => !candidates.has(each))
  }
  const free = (lease: Lease) => {
    idle.push(lease)
    work()
  }
  /** Runs a task as soon as an evaluator is free. */
  const withLease = async <Outcome>(run: (lease: Lease) => Promise<Outcome>): Promise<Outcome> => {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Lease>()
    asking.push({ resolve, reject })
    workSoon()
    const lease = await promise
    try {
      return await run(lease)
    } finally {
      free(lease)
    }
  }
  return {
    get waiting() {
      return waiting.length
    },
    get hasIdle() {
      return idle.length > 0
    },
    add(candidates, place) {
      if (signal.aborted) {
        for (const { failed } of candidates) failed(signal.reason)
        return
      }
      if (place === 'first') waiting.unshift(...candidates)
      else waiting.push(...candidates)
      workSoon()
    },
    withdraw(most, mayLeave) {
      const leaving = waiting.filter(mayLeave).slice(-most)
      drop(new Set(leaving))
      return leaving
    },
    drop,
    compare: comparison => withLease(lease => lease.compare(comparison, signal, () => undefined)),
    tellMistakes: task => withLease(lease => lease.tellMistakes(task, signal, () => undefined)),
    async end() {
      for (const { failed } of waiting.splice(0)) failed(signal.reason)
      for (const { reject } of asking.splice(0)) reject(signal.reason)
      await Promise.all(leases.map(lease => lease.end()))
    },
  }
}

const soups = new WeakMap<RunnableModel, string>()

/** Returns a text that is equal for the same soup by several terms. */
function soupOf({ model }: LaneCandidate): string {
  const known = soups.get(model) ?? JSON.stringify(model)
  soups.set(model, known)
  return known
}
