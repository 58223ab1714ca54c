import type { Logger } from 'pino'
import { clearStorage } from './composition/clear-storage.ts'
import { createEngine } from './composition/engine.ts'
import { registerPlugins } from './composition/http-plugins.ts'
import { registerRoutes } from './composition/http-routes.ts'
import { createHttpServer } from './composition/http-server.ts'
import { createJobTypes } from './composition/job-types.ts'
import { followLifecycle } from './composition/lifecycle.ts'
import { openCatalog, openStorage } from './composition/storage.ts'
import { createStores } from './composition/stores.ts'
import { createUpkeep } from './composition/upkeep.ts'
import type { Config } from './config.ts'
import { createBodyDrain } from './http/body-drain.ts'
import { browserCheck } from './http/browser-guard.ts'
import { createMetrics } from './http/metrics.ts'
import { createJobService } from './jobs/job-service.ts'
import type { DataDirectory } from './storage/data-directory.ts'
import type { Threads } from './threads/thread-pool.ts'

/**
 * Returns the service on a data directory that the caller holds. Removes what a killed process left. Once the server
 * listens, it resumes jobs. Closing the app lets running requests finish and puts running jobs back into the queue.
 *
 * @param clock milliseconds since 1970, by which things expire
 * @param onDamage hears that the catalog of a running server has not passed its check: the server should end
 * @param shared threads that other servers of the process use too, in place of own ones
 */
export async function createApp(
  config: Config,
  directory: DataDirectory,
  log: Logger,
  clock: () => number = Date.now,
  onDamage: (error: unknown) => void = () => {},
  shared?: Threads,
) {
  const closing = new AbortController()
  const metrics = createMetrics()

  // The catalog's thread starts first, because the engine sets flags for all threads that start later.
  const opened = await openCatalog(directory, log)
  const engine = await createEngine(config, directory, metrics, log, shared)
  const storage = await openStorage(config, directory, opened, { threads: engine.threads, metrics, clock })
  await clearStorage(storage, opened, { closing: closing.signal, onDamage, log })

  const stores = createStores(config, storage, engine, clock)
  const jobTypes = createJobTypes(config, storage, stores, engine)
  const jobs = createJobService(storage, jobTypes, log, config.jobs, metrics)
  const upkeep = await createUpkeep(config, directory, storage, { ...stores, jobs }, engine, { metrics, log, clock })
  const services = { directory, storage, stores, engine, jobTypes, jobs, upkeep, metrics, log }

  const check = browserCheck({ ...config, hasTokens: config.tokens.length > 0 })
  const drain = createBodyDrain(config.progress)
  const app = createHttpServer(config, { check, drain }, log)
  const plugins = await registerPlugins(app, config, { check, drain, metrics, log })
  await registerRoutes(app, config, plugins, services)
  followLifecycle(app, plugins, services, closing)
  return app
}
