import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createEvaluatorPool, type EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import { startEvaluator } from '../evaluate/evaluator-process.ts'
import { type ChosenIsolation, chooseIsolation } from '../evaluate/isolation/choose-isolation.ts'
import { clearJobDirectories } from '../evaluate/job-directory.ts'
import type { Metrics } from '../http/metrics.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { createThreadPool, type Threads } from '../threads/thread-pool.ts'
import { reportIsolation } from './report-isolation.ts'

/** Worker threads and evaluators: all computing happens there, off the event loop. */
export type Engine = Awaited<ReturnType<typeof createEngine>>

/** Parts that several servers of one process use, and that outlive them. */
export type SharedEngine = { threads?: Threads; isolation?: ChosenIsolation }

/**
 * Returns the engine. Threads and evaluators start when there is work for them.
 * @param shared parts in place of own ones
 * @throws Error with the reasons and what to do if the configuration requires isolation that this system does not give
 */
export async function createEngine(
  config: Pick<Config, 'taskSeconds' | 'evaluation' | 'isolation'>,
  { path }: Pick<DataDirectory, 'path'>,
  metrics: Metrics,
  log: Logger,
  shared: SharedEngine = {},
) {
  const onThreadError = (error: unknown) => log.error({ err: error }, 'a worker thread died')
  const directory = join(path, 'evaluator')
  await clearJobDirectories(directory)
  const isolated = shared.isolation ?? (await chooseIsolation(directory))
  reportIsolation(config, isolated, log)
  const pool = createEvaluatorPool(directory, config.evaluation, metrics, (parent, limits) =>
    startEvaluator(parent, limits, isolated.start),
  )
  const threads = createThreadPool(onThreadError, metrics.merged, config.taskSeconds, shared.threads)
  const evaluators: EvaluatorPool = {
    ...pool,
    async close() {
      await pool.close()
      if (!shared.isolation) isolated.close()
    },
  }
  return { threads, evaluators, isolation: isolated.isolation }
}
