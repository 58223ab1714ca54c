import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import packageJson from '../package.json' with { type: 'json' }
import { comparisonRoutes } from '../routes/comparisons.ts'
import { datasetRoutes } from '../routes/datasets.ts'
import { documentationRoutes } from '../routes/documentation.ts'
import { evaluationRoutes } from '../routes/evaluations.ts'
import { healthRoutes } from '../routes/health.ts'
import { jobRoutes } from '../routes/jobs.ts'
import { mergeRoutes } from '../routes/merges.ts'
import { methodRoutes } from '../routes/methods.ts'
import { modelRoutes } from '../routes/models.ts'
import { searchRoutes } from '../routes/searches.ts'
import { serviceRoutes } from '../routes/service.ts'
import { soupRoutes } from '../routes/soup.ts'
import { uploadRoutes } from '../routes/uploads.ts'
import { maximumSearchModels } from '../schemas/search.ts'
import type { Config } from './config.ts'
import { createDatasetStore } from './datasets/dataset-store.ts'
import { createEvaluatorPool } from './evaluate/evaluator-pool.ts'
import { access } from './http/access.ts'
import { watchAnswers } from './http/answer-progress.ts'
import { bodyGuard } from './http/body-guard.ts'
import { createBodyProgress } from './http/body-progress.ts'
import { answerBrokenRequest, refuseExpectation } from './http/broken-requests.ts'
import { browserCheck, browserGuard } from './http/browser-guard.ts'
import { connectionEnds, possibleConnections } from './http/connection-ends.ts'
import { connectionLimit } from './http/connections.ts'
import { crossOrigin } from './http/cross-origin.ts'
import { finalNewline } from './http/final-newline.ts'
import { GatheringMessage } from './http/gathering-message.ts'
import { createIdempotency } from './http/idempotency.ts'
import { inPieces } from './http/in-pieces.ts'
import { acceptJson } from './http/json-body.ts'
import { longRequestLimits, longRequests } from './http/long-requests.ts'
import { knowAllMethods, methodNotAllowed, routeTable } from './http/method-not-allowed.ts'
import { createMetrics } from './http/metrics.ts'
import { modelCount } from './http/model-count.ts'
import { openApi } from './http/openapi.ts'
import { pipelining } from './http/pipelining.ts'
import { answerBadUrl, problemDetails } from './http/problem-details.ts'
import { declaredQueries, encodedQueries } from './http/query-parameters.ts'
import { requestLog } from './http/request-log.ts'
import { requestMetrics } from './http/request-metrics.ts'
import { securityHeaders } from './http/security-headers.ts'
import { shutdownGuard } from './http/shutdown-guard.ts'
import { tokenSource } from './http/token-file.ts'
import { turns } from './http/turns.ts'
import type { UploadLimits } from './http/upload.ts'
import { uploadSlots, uploadsOfClient } from './http/upload-slots.ts'
import { validatorCompiler } from './http/validator.ts'
import { comparisonRunner, createComparisonService } from './jobs/comparison-job.ts'
import { createEvaluationService, evaluationRunner } from './jobs/evaluation-job.ts'
import { createJobService } from './jobs/job-service.ts'
import { createKeptScores } from './jobs/kept-scores.ts'
import { createMergeService, mergeRunner } from './jobs/merge-job.ts'
import { createListScores } from './jobs/model-scores.ts'
import { createRecipeReader } from './jobs/recipe-reader.ts'
import { createSearchService, searchRunner } from './jobs/search-job.ts'
import { createSweeper } from './jobs/sweeper.ts'
import { createModelStore } from './models/model-store.ts'
import { openCheckedCatalog } from './storage/check-catalog.ts'
import { openContentFiles } from './storage/content-files.ts'
import { createContents, type Swept } from './storage/contents.ts'
import { renewDamagedIds } from './storage/damaged-ids.ts'
import type { DataDirectory } from './storage/data-directory.ts'
import { shrinkLog } from './storage/database.ts'
import { createIdempotencyKeys } from './storage/idempotency-keys.ts'
import { createReadiness } from './storage/readiness.ts'
import { continueIdsOf } from './storage/record-ids.ts'
import { createReserve, startFromReserve } from './storage/reserve.ts'
import { createScores } from './storage/scores.ts'
import { storeUsage } from './storage/usage.ts'
import { createVerifier } from './storage/verifier.ts'
import { createThreadPool } from './threads/thread-pool.ts'

/** Connections whose request does not arrive in time are looked for this often. */
const connectionsMilliseconds = 1_000

/** A connection on which nothing has come for so long is asked whether its other end is there. */
const keepAliveMilliseconds = 60_000

const requestIdPattern = /^[\w.-]{1,64}$/

/**
 * The whole service on a data directory that is held already: opens the stores, clears away what a killed process left, takes
 * up its jobs, and composes the routes. Closing the app lets running requests finish and puts running jobs back.
 *
 * @param clock milliseconds since 1970, by which things expire
 * @param onDamage hears that the catalog of a running server has not passed its check: the server should end
 */
export async function createApp(
  config: Config,
  directory: DataDirectory,
  log: Logger,
  clock: () => number = Date.now,
  onDamage: (error: unknown) => void = () => {},
) {
  const catalogFile = join(directory.path, 'catalog.sqlite')
  const open = () => openCheckedCatalog(catalogFile, directory.id, log)
  const { catalog, checking } = await startFromReserve(directory.path, open)
  await continueIdsOf(catalog)
  const metrics = createMetrics()
  const contentFiles = await openContentFiles(directory.path, config.maximumStoreBytes, metrics.received, clock)
  const onThreadError = (error: unknown) => log.error({ err: error }, 'a worker thread died')
  const threads = createThreadPool(onThreadError, metrics.merged, config.taskSeconds)
  const reserve = createReserve(directory.path, () => shrinkLog(catalog))
  const contents = createContents(catalog, contentFiles, reserve, threads.hash, metrics.contentDamaged)
  const closing = new AbortController()
  const sweepStore = async () => {
    for (const renewed of await renewDamagedIds(catalog))
      log.warn(renewed, 'the id of a record was damaged on the disk, and the record has another one now')
    logSwept(log, await contents.sweep(closing.signal))
  }
  const sweepAfter = async (check: Promise<void>) => {
    try {
      await check
    } catch (error) {
      if (!closing.signal.aborted) onDamage(error)
      return
    }
    if (closing.signal.aborted) return
    await sweepStore().catch((error: unknown) => log.error({ err: error }, 'unknown files could not be looked for'))
  }
  if (checking) void sweepAfter(checking)
  else await sweepStore()
  await reserve.renew()
  const models = createModelStore(catalog, contentFiles, contents, threads)
  const { evaluation } = config
  const evaluators = await createEvaluatorPool(join(directory.path, 'evaluator'), evaluation, metrics)
  // Nothing is evaluated without data.
  const datasets = createDatasetStore(catalog, contentFiles, contents, threads, evaluators.warm)
  const scores = createKeptScores(createScores(catalog))
  const stores = { models, datasets }
  const merger = { ...stores, contentFiles, threads, evaluators, kept: scores, evaluationThreads: evaluation.threads }
  const runners = {
    merge: mergeRunner(merger),
    comparison: comparisonRunner(models, threads),
    evaluation: evaluationRunner(stores, scores, evaluators, evaluation.threads),
    search: searchRunner({
      stores,
      merger,
      evaluators,
      kept: scores,
      threads: evaluation.threads,
      memoryBytes: config.searchMemoryBytes,
    }),
  }
  const { idempotencySeconds, sweepSeconds, quarantineMilliseconds, verifyDays } = config.retention
  const jobs = createJobService({ catalog, reserve }, runners, log, config.jobs, metrics.jobEnded)
  const merges = createMergeService(stores, threads, jobs, config.maximumModels)
  const comparisons = createComparisonService(models, jobs, config.maximumModels)
  const evaluations = createEvaluationService(stores, jobs)
  const searches = createSearchService(stores, threads, jobs, config.maximumModels)
  const keys = createIdempotencyKeys(catalog, idempotencySeconds, clock)
  const idempotency = createIdempotency(keys)
  const endQuarantine = () => contentFiles.endQuarantine(clock() - quarantineMilliseconds)
  const sweeper = createSweeper(
    catalog,
    { models, datasets, jobs, keys, endQuarantine, reserve },
    sweepSeconds,
    clock,
    log,
  )
  const verifier = await createVerifier(
    { directory: directory.path, contents, hash: threads.hashSlowly, onVerified: metrics.contentVerified },
    { milliseconds: verifyDays * 86_400_000, lookSeconds: sweepSeconds, clock },
    log,
  )

  const check = browserCheck({ ...config, hasTokens: config.tokens.length > 0 })
  const loggerInstance: FastifyBaseLogger = log
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    return503OnClosing: false,
    http: {
      requireHostHeader: false,
      IncomingMessage: GatheringMessage,
      headersTimeout: config.headerMilliseconds,
      // Finds out about clients that have vanished, such as those that wait for events.
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMilliseconds,
      connectionsCheckingInterval: connectionsMilliseconds,
    },
    trustProxy: config.trustedProxies.length > 0 && [...config.trustedProxies],
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID()
    },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerBadUrl(check),
    routerOptions: { ignoreTrailingSlash: true },
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.removeContentTypeParser('text/plain')
  acceptJson(app)
  knowAllMethods(app)

  const table = new Map<string, Set<string>>()
  const bodyProgress = createBodyProgress(config.progress)
  const uploads: UploadLimits = {
    maximumBytes: config.maximumUploadBytes,
    progress: bodyProgress,
    reserveRoom: contentFiles.reserveRoom,
  }
  const { requestsPerMinute, maximumModels, maximumUploads, corsOrigins } = config
  const maximumConnections = possibleConnections(config.maximumConnections, log)
  const tokens = tokenSource(config.tokens, config.tokensFile, log)
  await app.register(requestLog)
  await app.register(pipelining)
  await app.register(securityHeaders)
  await app.register(requestMetrics, { metrics })
  await app.register(connectionLimit, { maximumConnections, onEnd: connectionEnds(metrics, log) })
  await app.register(browserGuard, { check })
  await app.register(crossOrigin, { corsOrigins })
  await app.register(problemDetails)
  await app.register(finalNewline)
  await app.register(inPieces)
  await app.register(turns)
  await app.register(shutdownGuard)
  await app.register(access, { tokens: tokens.current, requestsPerMinute })
  const slots = { maximumUploads, share: config.uploadShare }
  await app.register(uploadSlots, slots)
  await app.register(longRequests)
  await app.register(bodyGuard, { progress: bodyProgress, seconds: config.bodySeconds })
  await app.register(modelCount, { maximumModels })
  await app.register(encodedQueries)
  await app.register(declaredQueries)
  await app.register(routeTable, { table })
  await app.register(openApi, { version: packageJson.version })
  await app.register(healthRoutes, { readiness: createReadiness(catalog, directory.path) })
  await app.register(documentationRoutes)
  await app.register(serviceRoutes, {
    metrics,
    metricsOpen: config.metricsOpen,
    readUsage: storeUsage({ catalog, contentFiles }, directory.path, (part, error) =>
      log.warn({ err: error, part }, 'a part of the store cannot be read'),
    ),
    verification: () => ({ days: verifyDays, ...verifier.results() }),
    limits: {
      uploadBytes: config.maximumUploadBytes,
      storeBytes: config.maximumStoreBytes || null,
      uploads: maximumUploads,
      uploadsOfClient: uploadsOfClient(slots),
      bytesPerSecond: config.progress.bytesPerSecond || null,
      bodySeconds: config.bodySeconds,
      connections: maximumConnections,
      ...longRequestLimits,
      models: maximumModels,
      searchModels: Math.min(maximumModels, maximumSearchModels),
      queuedJobs: config.jobs.maximumQueued,
      requestsPerMinute: requestsPerMinute || null,
      evaluationSeconds: evaluation.seconds,
      evaluationMemoryBytes: evaluation.memoryBytes,
      evaluationThreads: evaluation.threads,
      searchMemoryBytes: config.searchMemoryBytes,
      taskSeconds: config.taskSeconds,
      jobTtl: config.jobs.ttl,
      idempotencySeconds,
    },
  })
  await app.register(uploadRoutes, { models, idempotency, contentFiles, uploads })
  await app.register(soupRoutes, { contentFiles, threads, uploads, maximumModels })
  await app.register(modelRoutes, { models, scores: createListScores(models, datasets, scores) })
  await app.register(mergeRoutes, {
    jobs,
    idempotency,
    merges,
    recipes: createRecipeReader(models, threads),
  })
  await app.register(methodRoutes)
  await app.register(comparisonRoutes, { jobs, idempotency, comparisons })
  await app.register(datasetRoutes, { datasets, idempotency, contentFiles, uploads })
  await app.register(evaluationRoutes, { jobs, idempotency, evaluations })
  await app.register(searchRoutes, { jobs, idempotency, searches })
  await app.register(jobRoutes, { jobs })
  await app.register(methodNotAllowed, { table })
  app.server.on('checkExpectation', refuseExpectation)
  const answers = watchAnswers(app.server, config.progress, ({ remoteAddress }, bytesPerSecond) => {
    metrics.connectionEnded('slow')
    log.info({ remoteAddress, bytesPerSecond }, 'a client took its answer too slowly and was cut off')
  })

  app.addHook('onListen', async () => {
    if ((await datasets.list({ limit: 1, label: {} })).items.length > 0) evaluators.warm()
    await models.renewFingerprints(error => log.warn({ err: error }, 'a model has no fingerprint'))
    await jobs.resume()
    sweeper.start()
    verifier.start()
    tokens.start()
  })
  app.addHook('preClose', async () => {
    closing.abort()
    await jobs.close()
  })
  app.addHook('onClose', async () => {
    bodyProgress.close()
    answers.close()
    tokens.close()
    await sweeper.close()
    await verifier.close()
    evaluators.close()
    await threads.close()
    await catalog.destroy()
    directory.release()
  })
  return app
}

/** Lines of the log about files, at most; a number says how many more there were. */
const filesLogged = 100

function logSwept(log: Logger, { removed, quarantined }: Swept): void {
  for (const file of removed.slice(0, filesLogged))
    log.warn({ file }, 'removed from incoming/: left by unfinished work')
  for (const sha256 of quarantined.slice(0, filesLogged))
    log.warn({ sha256 }, 'moved from content/ to quarantine/: no record refers to it')
  if (removed.length > 0) log.warn({ removed: removed.length }, 'files of unfinished work were removed')
  if (quarantined.length > 0)
    log.warn(
      { quarantined: quarantined.length },
      'content without a record is in quarantine/; uploading the same bytes brings it back',
    )
}
