import type { Logger } from 'pino'
import { createCandidates } from './composition/candidates.ts'
import { clearStorage } from './composition/clear-storage.ts'
import { createEngine, type SharedEngine } from './composition/engine.ts'
import { createHelping } from './composition/helping.ts'
import { registerPlugins } from './composition/http-plugins.ts'
import { type LocalFileAccess, registerRoutes } from './composition/http-routes.ts'
import { createHttpServer } from './composition/http-server.ts'
import { createJobTypes } from './composition/job-types.ts'
import { createJobs, openSharedQueue } from './composition/jobs.ts'
import { followLifecycle } from './composition/lifecycle.ts'
import { openCatalog, openStorage } from './composition/storage.ts'
import { createStores } from './composition/stores.ts'
import { createUpkeep } from './composition/upkeep.ts'
import type { Config } from './config.ts'
import { createBodyDrain } from './http/body-drain.ts'
import { browserCheck } from './http/browser-guard.ts'
import { createMetrics } from './http/metrics.ts'
import type { DataDirectory } from './storage/data-directory.ts'

/**
 * Returns the service on a data directory that the caller holds. Removes what a killed process left. Once the server
 * listens, it resumes jobs. Closing the app lets running requests finish and puts running jobs back into the queue.
 *
 * @param clock milliseconds since 1970, by which things expire
 * @param onUnusable hears that the catalog of a running server is damaged, or that another server has it: the server should end
 * @param shared parts that other servers of the process use too, in place of own ones
 * @param local has the server take over files of this machine by their paths, for clients on a Unix socket
 */
export async function createApp(
  config: Config,
  directory: DataDirectory,
  log: Logger,
  clock: () => number = Date.now,
  onUnusable: (error: unknown) => void = () => {},
  shared?: SharedEngine,
  local?: LocalFileAccess,
) {
  const closing = new AbortController()
  const metrics = createMetrics()

  // The catalog's thread starts first, because the engine sets flags for all threads that start later.
  const opened = await openCatalog(config, directory, log, onUnusable)
  const engine = await createEngine(config, directory, metrics, log, shared)
  const storage = await openStorage(config, directory, opened, { threads: engine.threads, metrics, clock, log })
  await clearStorage(storage, opened, { closing: closing.signal, onDamage: onUnusable, log })

  const stores = createStores(config, storage, engine, clock)
  const helping = createHelping(config, storage, stores, engine, { metrics, log })
  const jobTypes = createJobTypes(config, storage, stores, engine, helping, clock)
  const queueOf = await openSharedQueue(config, storage, log, metrics)
  const jobs = createJobs(storage, jobTypes, log, config.jobs, metrics, closing.signal, queueOf, {
    clock,
    externalIdleSeconds: config.externalIdleSeconds,
  })
  const upkeep = await createUpkeep(
    config,
    directory,
    storage,
    { ...stores, jobs: jobs.commands, external: jobs.external },
    engine,
    {
      metrics,
      log,
      clock,
    },
  )
  const candidates = createCandidates(config, storage, stores, engine, jobs)
  const services = { directory, storage, stores, engine, helping, jobTypes, jobs, candidates, upkeep, metrics, log }

  const check = browserCheck({ ...config, hasTokens: config.tokens.length > 0 })
  const drain = createBodyDrain(config.progress)
  const app = createHttpServer(config, { check, drain }, log)
  const plugins = await registerPlugins(app, config, { check, drain, uploads: storage.uploads, metrics, log })
  await registerRoutes(app, config, plugins, services, local)
  followLifecycle(app, config, plugins, services, closing)
  return app
}
