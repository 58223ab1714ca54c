import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { access } from '../http/access.ts'
import { watchAnswers } from '../http/answer-progress.ts'
import type { BodyDrain } from '../http/body-drain.ts'
import { bodyGuard } from '../http/body-guard.ts'
import { wholeBodies } from '../http/body-headers.ts'
import { createBodyProgress } from '../http/body-progress.ts'
import { headersTimeout } from '../http/broken-requests.ts'
import { type BrowserCheck, browserGuard } from '../http/browser-guard.ts'
import { connectionEnds, possibleConnections } from '../http/connection-ends.ts'
import { connectionLimit } from '../http/connections.ts'
import { crossOrigin } from '../http/cross-origin.ts'
import { finalNewline } from '../http/final-newline.ts'
import { inPieces } from '../http/in-pieces.ts'
import { longRequests } from '../http/long-requests.ts'
import type { Metrics } from '../http/metrics.ts'
import { modelCount } from '../http/model-count.ts'
import { pathTable } from '../http/path-table.ts'
import { pipelining } from '../http/pipelining.ts'
import { problemDetails } from '../http/problem-details.ts'
import { publicLocations } from '../http/public-path.ts'
import { declaredQueries, encodedQueries } from '../http/query-parameters.ts'
import { requestLog } from '../http/request-log.ts'
import { requestMetrics } from '../http/request-metrics.ts'
import { securityHeaders } from '../http/security-headers.ts'
import { shutdownGuard } from '../http/shutdown-guard.ts'
import { tokenSource } from '../http/token-file.ts'
import { turns } from '../http/turns.ts'
import { unknownRoutes } from '../http/unknown-routes.ts'
import { uploadSlots } from '../http/upload-slots.ts'
import type { RunningUploads } from '../storage/running-uploads.ts'
import type { HttpServer } from './http-server.ts'

/** Parts of the plugins that routes use, or that end with the server. */
export type Plugins = Awaited<ReturnType<typeof registerPlugins>>

/**
 * Registers the plugins that every request passes. Hooks run in the order of registration, so the order is behaviour: cheap
 * refusals come first, and the server reads no body before every refusal that needs none.
 */
export async function registerPlugins(
  app: HttpServer,
  config: Config,
  {
    check,
    drain,
    uploads,
    metrics,
    log,
  }: { check: BrowserCheck; drain: BodyDrain; uploads: RunningUploads; metrics: Metrics; log: Logger },
) {
  const { requestsPerMinute, maximumModels, maximumUploads, corsOrigins } = config
  const maximumConnections = possibleConnections(config.maximumConnections, log)
  const tokens = tokenSource(config.tokens, config.tokensFile, log)
  const slots = { maximumUploads, share: config.uploadShare }
  const paths = pathTable()
  const bodyProgress = createBodyProgress(config.progress)

  // The log comes first, so that it has requests that wait on their connection and never begin.
  await app.register(requestLog)
  await app.register(pipelining)
  // Every answer is counted and has these headers, also the refusals below.
  await app.register(requestMetrics, { metrics, paths })
  await app.register(turns)
  await app.register(securityHeaders)
  // A full server refuses before it does anything else.
  await app.register(connectionLimit, { maximumConnections, onEnd: connectionEnds(metrics, log) })
  // Before CORS, whose route for preflights answers errors too.
  await app.register(problemDetails, drain)
  // Before CORS, so that no preflight is answered under a foreign name.
  await app.register(browserGuard, { check })
  await app.register(crossOrigin, { corsOrigins })
  await app.register(unknownRoutes, { paths })
  await app.register(publicLocations)
  // The newline is part of the text that is then cut into pieces.
  await app.register(finalNewline)
  await app.register(inPieces)
  // A stopping server refuses every request before it asks for a token.
  await app.register(shutdownGuard)
  // Sets the token by which the next two count uploads, event streams and waits.
  await app.register(access, { tokens: tokens.current, requestsPerMinute })
  // A refused body takes no slot.
  await app.register(wholeBodies)
  await app.register(uploadSlots, { ...slots, running: uploads })
  await app.register(longRequests)
  // Fastify reads bodies from here on.
  await app.register(bodyGuard, { progress: bodyProgress, seconds: config.bodySeconds, drain: drain.drain })
  await app.register(modelCount, { maximumModels })
  await app.register(encodedQueries)
  await app.register(declaredQueries)

  const answers = watchAnswers(app.server, config.progress, ({ remoteAddress }, bytesPerSecond) => {
    metrics.connectionEnded('slow')
    log.info({ remoteAddress, bytesPerSecond }, 'a client took its answer too slowly and was cut off')
  })
  app.server.on('clientError', ({ code }: NodeJS.ErrnoException) => {
    if (code === headersTimeout) metrics.connectionEnded('headers')
  })
  return { maximumConnections, tokens, slots, bodyProgress, drain, answers, paths }
}
