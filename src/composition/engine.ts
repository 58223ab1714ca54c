import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createEvaluatorPool, type EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import { startEvaluator } from '../evaluate/evaluator-process.ts'
import type { Metrics } from '../http/metrics.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { createThreadPool, type Threads } from '../threads/thread-pool.ts'
import { isolateEvaluators } from './isolate-evaluators.ts'

/** Worker threads and evaluators: all computing happens there, off the event loop. */
export type Engine = Awaited<ReturnType<typeof createEngine>>

/**
 * Returns the engine. Threads and evaluators start when there is work for them.
 * @param shared threads in place of own ones
 * @throws Error with the reasons and what to do if the configuration requires isolation that this system does not give
 */
export async function createEngine(
  config: Pick<Config, 'taskSeconds' | 'evaluation' | 'isolation'>,
  { path }: Pick<DataDirectory, 'path'>,
  metrics: Metrics,
  log: Logger,
  shared?: Threads,
) {
  const onThreadError = (error: unknown) => log.error({ err: error }, 'a worker thread died')
  const directory = join(path, 'evaluator')
  // The pool clears the directory, and starts nothing yet.
  const pool = await createEvaluatorPool(directory, config.evaluation, metrics, (parent, limits) =>
    startEvaluator(parent, limits, isolated.start),
  )
  const isolated = await isolateEvaluators(config, directory, log)
  const threads = createThreadPool(onThreadError, metrics.merged, config.taskSeconds, shared)
  const evaluators: EvaluatorPool = {
    ...pool,
    async close() {
      await pool.close()
      isolated.close()
    },
  }
  return { threads, evaluators, isolation: isolated.isolation }
}
