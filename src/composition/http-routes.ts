import type { Logger } from 'pino'
import packageJson from '../../package.json' with { type: 'json' }
import { datasetRoutes } from '../../routes/datasets.ts'
import { documentationRoutes } from '../../routes/documentation.ts'
import { healthRoutes } from '../../routes/health.ts'
import { jobRoutes } from '../../routes/jobs.ts'
import { methodRoutes } from '../../routes/methods.ts'
import { modelRoutes } from '../../routes/models.ts'
import { serviceRoutes } from '../../routes/service.ts'
import { soupRoutes } from '../../routes/soup.ts'
import { uploadRoutes } from '../../routes/uploads.ts'
import type { Config } from '../config.ts'
import { createIdempotency } from '../http/idempotency.ts'
import { methodNotAllowed, routeTable } from '../http/method-not-allowed.ts'
import type { Metrics } from '../http/metrics.ts'
import { openApi } from '../http/openapi.ts'
import type { UploadLimits } from '../http/upload.ts'
import type { JobService } from '../jobs/job-service.ts'
import { createListScores } from '../jobs/model-scores.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { createReadiness } from '../storage/readiness.ts'
import { storeUsage } from '../storage/usage.ts'
import type { Engine } from './engine.ts'
import type { Plugins } from './http-plugins.ts'
import type { HttpServer } from './http-server.ts'
import type { JobTypes } from './job-types.ts'
import { serviceLimits } from './service-limits.ts'
import type { Storage } from './storage.ts'
import type { RecordStores } from './stores.ts'
import type { Upkeep } from './upkeep.ts'

/** The parts of the service that routes and the lifecycle use. */
export type AppParts = {
  directory: DataDirectory
  storage: Storage
  stores: RecordStores
  engine: Engine
  jobTypes: JobTypes
  jobs: JobService
  upkeep: Upkeep
  metrics: Metrics
  log: Logger
}

/** Registers the routes: first what collects them, then the routes, last the refusal of other HTTP methods on their paths. */
export async function registerRoutes(
  app: HttpServer,
  config: Config,
  plugins: Plugins,
  { directory, storage, stores, engine, jobTypes, jobs, upkeep, metrics, log }: AppParts,
): Promise<void> {
  const table = new Map<string, Set<string>>()
  await app.register(routeTable, { table })
  await app.register(openApi, { version: packageJson.version })
  await app.register(healthRoutes, { readiness: createReadiness(storage.catalog, directory.path) })
  await app.register(documentationRoutes)
  await app.register(serviceRoutes, {
    metrics,
    metricsOpen: config.metricsOpen,
    readUsage: storeUsage(storage, directory.path, (part, error) =>
      log.warn({ err: error, part }, 'a part of the store cannot be read'),
    ),
    verification: () => ({ days: config.retention.verifyDays, ...upkeep.verifier.results() }),
    isolation: engine.isolation,
    limits: serviceLimits(config, plugins),
  })

  const { contentFiles } = storage
  const { models, datasets, scores, keys } = stores
  const { threads } = engine
  const { maximumModels } = config
  const idempotency = createIdempotency(keys)
  const uploads: UploadLimits = {
    maximumBytes: config.maximumUploadBytes,
    progress: plugins.bodyProgress,
    reserveRoom: contentFiles.reserveRoom,
  }
  await app.register(uploadRoutes, { models, idempotency, contentFiles, uploads })
  await app.register(soupRoutes, { contentFiles, threads, uploads, maximumModels })
  await app.register(modelRoutes, { models, scores: createListScores(models, datasets, scores) })
  await app.register(methodRoutes)
  await app.register(datasetRoutes, { datasets, idempotency, contentFiles, uploads })
  for (const { routes } of Object.values(jobTypes)) await routes(app, { jobs, idempotency })
  await app.register(jobRoutes, { jobs })
  await app.register(methodNotAllowed, { table })
}
