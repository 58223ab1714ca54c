import type { Logger } from 'pino'
import packageJson from '../../package.json' with { type: 'json' }
import { candidateRoutes, outcomeRoutes } from '../../routes/candidates.ts'
import { datasetRoutes } from '../../routes/datasets.ts'
import { exportRoutes } from '../../routes/exports.ts'
import { healthRoutes } from '../../routes/health.ts'
import { jobRoutes } from '../../routes/jobs.ts'
import { localFileRoutes } from '../../routes/local-files.ts'
import { methodRoutes } from '../../routes/methods.ts'
import { modelRoutes } from '../../routes/models.ts'
import { recordChangeRoutes } from '../../routes/record-changes.ts'
import { scoringMetricRoutes } from '../../routes/scoring-metrics.ts'
import { serviceRoutes } from '../../routes/service.ts'
import { serviceMetricsRoutes } from '../../routes/service-metrics.ts'
import { soupRoutes } from '../../routes/soup.ts'
import { uploadRoutes } from '../../routes/uploads.ts'
import type { Config } from '../config.ts'
import { createIdempotency } from '../http/idempotency.ts'
import type { Metrics } from '../http/metrics.ts'
import { openApi } from '../http/openapi.ts'
import { collectPaths } from '../http/path-table.ts'
import type { UploadLimits } from '../http/upload.ts'
import { createListMistakes } from '../jobs/job-mistakes.ts'
import { createListScores } from '../jobs/model-scores.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { createLocalFiles } from '../storage/local-files.ts'
import { createReadiness } from '../storage/readiness.ts'
import { storeUsage } from '../storage/usage.ts'
import type { Candidates } from './candidates.ts'
import type { Engine } from './engine.ts'
import type { Helping } from './helping.ts'
import type { Plugins } from './http-plugins.ts'
import type { HttpServer } from './http-server.ts'
import type { JobTypes } from './job-types.ts'
import type { Jobs } from './jobs.ts'
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
  helping: Helping
  jobTypes: JobTypes
  jobs: Jobs
  candidates: Candidates
  upkeep: Upkeep
  metrics: Metrics
  log: Logger
}

/** How a server takes over files of this machine. `durable`: its store stays, so copies are flushed to the disk. */
export type LocalFileAccess = { durable: boolean }

/**
 * Registers the routes, after what collects their paths. A server that only runs jobs has probes and service metrics.
 * @param local adds the routes that take over files of this machine. Nobody reads pages or the API's document of such a server, which is inside
 *   a command, so it has none and starts sooner
 */
export async function registerRoutes(
  app: HttpServer,
  config: Config,
  plugins: Plugins,
  { directory, storage, stores, engine, jobTypes, jobs, candidates, upkeep, metrics, log }: AppParts,
  local?: LocalFileAccess,
): Promise<void> {
  const readUsage = storeUsage(storage, directory.path, (part, error) =>
    log.warn({ err: error, part }, 'a part of the store cannot be read'),
  )
  const served = { metrics, metricsOpen: config.metricsOpen, readUsage }
  const hasPages = config.role !== 'worker' && !local
  await app.register(collectPaths, { paths: plugins.paths })
  if (hasPages) await app.register(openApi, { version: packageJson.version })
  await app.register(healthRoutes, { readiness: createReadiness(storage.catalog, storage.folder) })
  if (config.role === 'worker') return app.register(serviceMetricsRoutes, served)
  if (hasPages) {
    const [{ documentationRoutes }, { pageRoutes }] = await Promise.all([
      import('../../routes/documentation.ts'),
      import('../../routes/page.ts'),
    ])
    await app.register(documentationRoutes)
    await app.register(pageRoutes, { version: packageJson.version })
  }
  await app.register(serviceRoutes, {
    readUsage,
    verification: () => ({ days: config.retention.verifyDays, ...upkeep.verifier.results() }),
    isolation: engine.isolation,
    limits: serviceLimits(config, plugins),
  })
  await app.register(serviceMetricsRoutes, served)

  const { contentFiles } = storage
  const { models, datasets, exports, scores, keys } = stores
  const { threads } = engine
  const { maximumModels } = config
  const idempotency = createIdempotency(keys, storage.busyKeys)
  const uploads: UploadLimits = {
    maximumBytes: config.maximumUploadBytes,
    progress: plugins.bodyProgress,
    async reserveRoom(bytes) {
      await contentFiles.learnRoom()
      return contentFiles.reserveRoom(bytes)
    },
  }
  await app.register(uploadRoutes, { models, idempotency, contentFiles, uploads })
  await app.register(soupRoutes, { contentFiles, threads, uploads, maximumModels })
  await app.register(modelRoutes, { models, scores: createListScores(models, datasets, scores) })
  await app.register(methodRoutes)
  await app.register(datasetRoutes, { datasets, idempotency, contentFiles, uploads })
  await app.register(exportRoutes, { exports })
  await app.register(recordChangeRoutes, { models, datasets })
  await app.register(scoringMetricRoutes)
  const { commands, queries, stream } = jobs
  for (const { route } of Object.values(jobTypes))
    await app.register(async scope => route(scope, { commands, queries, idempotency }))
  await app.register(jobRoutes, {
    commands,
    queries,
    stream,
    mistakes: createListMistakes(storage.catalog, queries.get),
  })
  const { content, heard } = candidates
  const asking = { ledger: { ...jobs.ledger, heard }, lease: jobs.lease, content, queries }
  await app.register(candidateRoutes, asking)
  await app.register(outcomeRoutes, asking)
  if (local) {
    const files = createLocalFiles(contentFiles, threads.hash, local.durable)
    await app.register(localFileRoutes, { files, models, datasets })
  }
}
