import { blame } from '../errors.ts'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import type {
  CandidateRange,
  ComparisonOutcome,
  ComparisonTask,
  EvaluationOutcome,
  RunnableModel,
  SoupSource,
} from '../evaluate/protocol.ts'

/** Milliseconds of work of one range. A crash of an evaluator loses at most so much. */
const rangeMilliseconds = 1_000

/** Candidates of the longest range before an evaluator has shown how many it scores in that time. */
const firstCandidates = 64

/** A candidate that waits for an evaluator. `name`: for errors. */
type Waiting = {
  model: RunnableModel
  name: string
  resolve(outcome: EvaluationOutcome): void
  reject(error: unknown): void
}

/** The evaluators of one search. */
export type CandidateLanes = {
  /** Scores a candidate. @param name the candidate in words, for errors */
  score(model: RunnableModel, name: string): Promise<EvaluationOutcome>
  /** Compares models, as soon as an evaluator is free. */
  compare(task: ComparisonTask): Promise<ComparisonOutcome>
  /** Ends the evaluators. Running work fails. Resolves when no file of the search is left in the directories of the evaluators. */
  end(): Promise<void>
}

/**
 * Shares candidates among as many evaluators as the machine runs, in ranges. The more candidates wait, the longer a range. It has half of an
 * evaluator's share, so that all evaluators end at about the same time. It has no more than twice what an evaluator has managed. An evaluator
 * gives back what it cannot begin within a second.
 *
 * @param task the part of a range that all have in common
 * @param signal ends the work
 */
export function candidateLanes(
  evaluators: Pick<EvaluatorPool, 'width' | 'lease'>,
  { source, ...task }: Omit<CandidateRange, 'models' | 'soups' | 'milliseconds'> & { source(): SoupSource },
  signal: AbortSignal,
): CandidateLanes {
  const lanes = evaluators.width
  const leases = Array.from({ length: lanes }, () => evaluators.lease())
  type Lease = (typeof leases)[number]
  const idle = [...leases]
  const waiting: Waiting[] = []
  /** Comparisons that wait for an evaluator. */
  const asking: { resolve(lease: Lease): void; reject(error: unknown): void }[] = []
  let longest = firstCandidates
  let isDue = false

  const score = async (lease: Lease, range: readonly Waiting[]): Promise<void> => {
    let done = 0
    try {
      const models = range.map(({ model }) => model)
      const given = { ...task, soups: source(), models, milliseconds: rangeMilliseconds }
      await lease.score(given, signal, outcome => {
        range[done]?.resolve(outcome)
        done += 1
      })
      longest = Math.max(2 * done, done < range.length ? 0 : longest)
      waiting.unshift(...range.slice(done))
    } catch (error) {
      const [failed, ...others] = range.slice(done)
      const named = signal.aborted ? error : blame(error, failed?.name ?? 'a candidate')
      failed?.reject(named)
      for (const { reject } of others) reject(named)
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
      else {
        const range = waiting.splice(0, Math.min(longest, Math.ceil(waiting.length / (2 * lanes))))
        void score(lease, range).then(() => free(lease))
      }
    }
  }
  /** Begins work once the present turn of the event loop is over: candidates often come together. */
  const workSoon = () => {
    if (!isDue) setImmediate(work)
    isDue = true
  }
  const free = (lease: Lease) => {
    idle.push(lease)
    work()
  }
  return {
    async score(model, name) {
      signal.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<EvaluationOutcome>()
      waiting.push({ model, name, resolve, reject })
      workSoon()
      return promise
    },
    async compare(comparison) {
      signal.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<Lease>()
      asking.push({ resolve, reject })
      workSoon()
      const lease = await promise
      try {
        return await lease.compare(comparison, signal, () => undefined)
      } finally {
        free(lease)
      }
    },
    async end() {
      for (const { reject } of [...waiting.splice(0), ...asking.splice(0)]) reject(signal.reason)
      await Promise.all(leases.map(lease => lease.end()))
    },
  }
}
