import { chmod, mkdir, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { asTureenError } from '../errors.ts'
import {
  type Evaluator,
  type EvaluatorLimits,
  type EvaluatorProcess,
  startEvaluator,
  startSeconds,
} from './evaluator-process.ts'

/**
 * Evaluator children: those of the jobs at work, and some kept warm, so that a job need not wait for their start. How many jobs are
 * at work is the dispatcher's business.
 */
export type EvaluatorPool = {
  /** How many children can run side by side, each with the processors that it takes. */
  readonly width: number
  /** Starts the children that are kept warm, as many as can run side by side, where there are fewer. */
  warm(): void
  /**
   * An evaluator for one job, to be ended by it: a child that no other job has used or will use, taken when it has something to
   * do, and exchanged for a new one before its bound on processor time could end a task that is within its own.
   */
  lease(): Evaluator & { end(): void }
  /** Ends every child. */
  close(): void
}

/** A child takes no new task once its tasks have taken this much of the processor time that it has beside that of one evaluation. */
const renewedMilliseconds = (startSeconds * 1000) / 2

/** Children that are kept warm are replaced this long after they were needed. */
const warmingMilliseconds = 100

/** Hears of children that have started, and of those that are gone: by which error of the catalogue, or null if not needed any more. */
export type EvaluatorObserver = { evaluatorStarted(): void; evaluatorEnded(code: string | null): void }

/** A start fails on a machine that is overloaded for a moment; nothing of a model is lost by another one. */
const startAttempts = 3
const retryMilliseconds = 500

/**
 * @param directory where children live: empty, and not writable for them
 * @param startProcess starts one child
 */
export async function createEvaluatorPool(
  directory: string,
  limits: EvaluatorLimits,
  observer: EvaluatorObserver,
  startProcess: typeof startEvaluator = startEvaluator,
): Promise<EvaluatorPool> {
  await mkdir(directory, { recursive: true, mode: 0o555 })
  // Only its owner can do this: after an earlier user of the same group the directory is as that one left it.
  if ((await stat(directory)).uid === process.getuid?.()) await chmod(directory, 0o555)
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
      // Whoever takes it meets the error; nobody may have asked for it yet.
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
  const release = (evaluator: EvaluatorProcess) => {
    living.delete(evaluator)
    evaluator.end()
  }
  /** A child that nobody has used; rejects as soon as `signal` fires, and ends a child that comes too late. */
  const take = async (signal: AbortSignal): Promise<EvaluatorProcess> => {
    signal.throwIfAborted()
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort)
    const taken = spareOrNew(signal)
    taken.then(
      evaluator => signal.aborted && release(evaluator),
      () => undefined,
    )
    try {
      return await Promise.race([aborted, taken])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  return {
    width,
    warm,
    lease() {
      let current: EvaluatorProcess | undefined
      const over = new AbortController()
      const releaseCurrent = () => {
        if (current) release(current)
        current = undefined
      }
      const fresh = async (signal: AbortSignal) => {
        const used = current && current.busyMilliseconds * limits.threads > renewedMilliseconds
        if (used || !current?.alive) releaseCurrent()
        current ??= await take(AbortSignal.any([signal, over.signal]))
        return current
      }
      /** A child that ends before it has taken a task leaves the task to another one. */
      const run = async <Outcome>(signal: AbortSignal, ask: (evaluator: Evaluator) => Promise<Outcome>) => {
        for (let attempt = 1; ; attempt += 1) {
          const evaluator = await fresh(signal)
          try {
            return await ask(evaluator)
          } catch (error) {
            if (asTureenError(error).code !== 'TUREEN_EVALUATOR_UNAVAILABLE' || attempt === startAttempts) throw error
            releaseCurrent()
          }
        }
      }
      return {
        evaluate: (...task) => run(task[1], evaluator => evaluator.evaluate(...task)),
        compare: (...task) => run(task[1], evaluator => evaluator.compare(...task)),
        measure: (...task) => run(task[1], evaluator => evaluator.measure(...task)),
        end() {
          over.abort(new Error('the evaluator was ended while it started'))
          releaseCurrent()
          // Not when it is taken, and not before the job is answered: starting a child takes a processor that both could use.
          setTimeout(warm, warmingMilliseconds).unref()
        },
      }
    },
    close() {
      // A child that is still starting is ended as soon as it is there, or dies with this process.
      closed = true
      for (const evaluator of living) evaluator.end()
    },
  }
}
