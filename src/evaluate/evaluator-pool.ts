import { chmod, mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
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

/** @param directory where children live: empty, and not writable for them */
export async function createEvaluatorPool(
  directory: string,
  limits: EvaluatorLimits,
  observer: EvaluatorObserver,
): Promise<EvaluatorPool> {
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o555)
  const living = new Set<EvaluatorProcess>()
  const width = Math.max(1, Math.floor(availableParallelism() / limits.threads))
  const spares: Promise<EvaluatorProcess>[] = []
  let closed = false

  const start = async () => {
    const evaluator = await startEvaluator(directory, limits)
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
  const take = async () => {
    const evaluator = await spares.shift()?.catch(() => undefined)
    return evaluator?.alive ? evaluator : start()
  }

  return {
    width,
    warm,
    lease() {
      let current: EvaluatorProcess | undefined
      let ended = false
      const release = () => {
        if (current) living.delete(current)
        current?.end()
        current = undefined
      }
      const fresh = async () => {
        const used = current && current.busyMilliseconds * limits.threads > renewedMilliseconds
        if (used || !current?.alive) release()
        current ??= await take()
        if (ended) release()
        if (current) return current
        throw new Error('the evaluator was ended while it started')
      }
      return {
        evaluate: async (...task) => (await fresh()).evaluate(...task),
        compare: async (...task) => (await fresh()).compare(...task),
        measure: async (...task) => (await fresh()).measure(...task),
        end() {
          ended = true
          release()
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
