import { chmod, mkdir } from 'node:fs/promises'
import { type EvaluatorLimits, type EvaluatorProcess, startEvaluator } from './evaluator-process.ts'

/**
 * Evaluator children: one for each job at work, and one more kept warm, so that a job need not wait for its start. How many
 * jobs are at work is the dispatcher's business.
 */
export type EvaluatorPool = {
  /** Starts the warm child, if there is none. */
  warm(): void
  /** Runs `use` with a child of its own, which no other job has used or will use. */
  withEvaluator<Result>(use: (evaluator: EvaluatorProcess) => Promise<Result>): Promise<Result>
  /** Ends every child. */
  close(): Promise<void>
}

/** @param directory where children live: empty, and not writable for them */
export async function createEvaluatorPool(directory: string, limits: EvaluatorLimits): Promise<EvaluatorPool> {
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o555)
  const living = new Set<EvaluatorProcess>()
  let spare: Promise<EvaluatorProcess> | undefined
  let closed = false

  const start = async () => {
    const evaluator = await startEvaluator(directory, limits)
    living.add(evaluator)
    if (closed) evaluator.end()
    return evaluator
  }
  const warm = () => {
    if (closed || spare) return
    spare = start()
    // Whoever takes it meets the error; nobody may have asked for it yet.
    spare.catch(() => undefined)
  }
  const take = async () => {
    const warmed = spare
    spare = undefined
    const evaluator = await warmed?.catch(() => undefined)
    return evaluator?.alive ? evaluator : start()
  }

  return {
    warm,
    async withEvaluator(use) {
      const evaluator = await take()
      warm()
      try {
        return await use(evaluator)
      } finally {
        living.delete(evaluator)
        evaluator.end()
      }
    },
    async close() {
      closed = true
      await spare?.catch(() => undefined)
      for (const evaluator of living) evaluator.end()
    },
  }
}
