import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createEvaluatorPool } from '../evaluate/evaluator-pool.ts'
import type { Metrics } from '../http/metrics.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { createThreadPool, type Threads } from '../threads/thread-pool.ts'

/** Worker threads and evaluators: all computing happens there, off the event loop. */
export type Engine = Awaited<ReturnType<typeof createEngine>>

/** Returns the engine. Threads and evaluators start when there is work for them. @param shared threads in place of own ones */
export async function createEngine(
  { taskSeconds, evaluation }: Pick<Config, 'taskSeconds' | 'evaluation'>,
  { path }: Pick<DataDirectory, 'path'>,
  metrics: Metrics,
  log: Logger,
  shared?: Threads,
) {
  const onThreadError = (error: unknown) => log.error({ err: error }, 'a worker thread died')
  const threads = createThreadPool(onThreadError, metrics.merged, taskSeconds, shared)
  const evaluators = await createEvaluatorPool(join(path, 'evaluator'), evaluation, metrics)
  return { threads, evaluators }
}
