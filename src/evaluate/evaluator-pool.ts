import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { asTureenError } from '../errors.ts'
import { unlessAborted } from '../unless-aborted.ts'
import {
  type Evaluator,
  type EvaluatorLimits,
  type EvaluatorProcess,
  type startEvaluator,
  startSeconds,
} from './evaluator-process.ts'

/**
 * The evaluators of running jobs, and some warm spares that save jobs the wait for a start. The dispatcher bounds the number of running
 * jobs.
 */
export type EvaluatorPool = {
  /** Number of evaluators that the machine's processors can run at the same time. */
  readonly width: number
  /** Starts spare evaluators until there are `width` of them. */
  warm(): void
  /**
   * Returns an evaluator for one job, which must end it. It takes a child process at its first task, and never shares it with another job.
   * It replaces the child before the child's limit of processor time could end a task that is within its own limit.
   */
  lease(): Lease
  /** Ends every evaluator. Resolves when the files of their jobs are no longer in their directories. */
  close(): Promise<void>
}

/** An evaluator of one job. `end` resolves when no file of the job is left in the directory of the evaluator. */
export type Lease = Evaluator & { end(): Promise<void> }

/** Milliseconds of processor time after which a child gets no new task. The other half of its extra time is for its start. */
const renewedMilliseconds = (startSeconds * 1000) / 2

/** Milliseconds from the end of a job until new spare evaluators start. */
const warmingMilliseconds = 100

/** Called when evaluators start and end. `code`: the code of the error that ended it; null if the server no longer needed it. */
export type EvaluatorObserver = { evaluatorStarted(): void; evaluatorEnded(code: string | null): void }

/** Most attempts to start an evaluator. A start can fail while the machine is overloaded, and it is safe to repeat. */
const startAttempts = 3
const retryMilliseconds = 500

/**
 * Creates a pool of evaluators. It starts none yet.
 * @param directory holds the directories of the evaluators
 * @param startProcess starts one evaluator
 */
export function createEvaluatorPool(
  directory: string,
  limits: EvaluatorLimits,
  observer: EvaluatorObserver,
  startProcess: typeof startEvaluator,
): EvaluatorPool {
  const living = new Set<EvaluatorProcess>()
  const width = Math.max(1, Math.floor(availableParallelism() / limits.threads))
  const spares: Promise<EvaluatorProcess>[] = []
  let closed = false

  const start = async () => {
    const evaluator = await startProcess(directory, limits)
    living.add(evaluator)
    observer.evaluatorStarted()
    evaluator.gone.then(reason => observer.evaluatorEnded(reason?.code ?? null))
    if (closed) evaluator.end()
    return evaluator
  }
  const warm = () => {
    while (!closed && spares.length < width) {
      const spare = start()
      // The job that takes this evaluator sees the error. Until then, nothing awaits the promise.
      spare.catch(() => undefined)
      spares.push(spare)
    }
  }
  const startAgain = async (signal: AbortSignal): Promise<EvaluatorProcess> => {
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted()
      try {
        return await start()
      } catch (error) {
        if (attempt === startAttempts) throw error
        await delay(attempt * retryMilliseconds, undefined, { signal })
      }
    }
  }
  const spareOrNew = async (signal: AbortSignal) => {
    const evaluator = await spares.shift()?.catch(() => undefined)
    return evaluator?.alive ? evaluator : startAgain(signal)
  }
  const release = async (evaluator: EvaluatorProcess) => {
    living.delete(evaluator)
    await evaluator.end()
  }
  /** Returns an unused evaluator. Rejects as soon as `signal` fires, and ends an evaluator that starts too late. */
  const take = async (signal: AbortSignal): Promise<EvaluatorProcess> => {
    signal.throwIfAborted()
    const taken = spareOrNew(signal)
    taken.then(
      async evaluator => {
        if (signal.aborted) await release(evaluator)
      },
      () => undefined,
    )
    return unlessAborted(signal, taken)
  }

  return {
    width,
    warm,
    lease() {
      let current: EvaluatorProcess | undefined
      const over = new AbortController()
      const releaseCurrent = async () => {
        const released = current
        current = undefined
        if (released) await release(released)
      }
      const fresh = async (signal: AbortSignal) => {
        const used = current && current.busyMilliseconds * limits.threads > renewedMilliseconds
        if (used || !current?.alive) await releaseCurrent()
        current ??= await take(AbortSignal.any([signal, over.signal]))
        return current
      }
      /** Runs a task. If an evaluator ends before it has taken the task, another one gets it. */
      const run = async <Outcome>(signal: AbortSignal, ask: (evaluator: Evaluator) => Promise<Outcome>) => {
        for (let attempt = 1; ; attempt += 1) {
          const evaluator = await fresh(signal)
          try {
            return await ask(evaluator)
          } catch (error) {
            if (asTureenError(error).code !== 'TUREEN_EVALUATOR_UNAVAILABLE' || attempt === startAttempts) throw error
            await releaseCurrent()
          }
        }
      }
      return {
        evaluate: (...task) => run(task[1], evaluator => evaluator.evaluate(...task)),
        score: (...task) => run(task[1], evaluator => evaluator.score(...task)),
        compare: (...task) => run(task[1], evaluator => evaluator.compare(...task)),
        tellMistakes: (...task) => run(task[1], evaluator => evaluator.tellMistakes(...task)),
        measure: (...task) => run(task[1], evaluator => evaluator.measure(...task)),
        async end() {
          over.abort(new Error('the evaluator was ended while it started'))
          // A start takes a processor. So start spares only after the job has ended and its answer is sent.
          setTimeout(warm, warmingMilliseconds).unref()
          await releaseCurrent()
        },
      }
    },
    async close() {
      // An evaluator that is still starting ends as soon as it has started, or dies with this process.
      closed = true
      await Promise.all([...living].map(evaluator => evaluator.end()))
    },
  }
}
