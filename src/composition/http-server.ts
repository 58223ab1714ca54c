import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { BodyDrain } from '../http/body-drain.ts'
import { answerBrokenRequest, refuseExpectation } from '../http/broken-requests.ts'
import type { BrowserCheck } from '../http/browser-guard.ts'
import { gatheringMessage } from '../http/gathering-message.ts'
import { acceptJson } from '../http/json-body.ts'
import { answerBadUrl } from '../http/problem-details.ts'
import { withoutPublicPath } from '../http/public-path.ts'
import { knowAllMethods } from '../http/unknown-routes.ts'
import { validatorCompiler } from '../http/validator.ts'

/** Milliseconds between two looks for connections whose request does not arrive in time. */
const connectionsMilliseconds = 1_000

/** Milliseconds without data after which the system asks whether the other end of a connection is there. */
const keepAliveMilliseconds = 60_000

/** Most listeners that one event of a response has: each plugin that follows an answer to its end adds one. Node warns of a leak above 10. */
const responseListeners = 20

const requestIdPattern = /^[\w.-]{1,64}$/

/** An HTTP server that reads and validates requests, and has neither plugins nor routes yet. */
export type HttpServer = ReturnType<typeof createHttpServer>

/**
 * Returns an HTTP server.
 * @param check refuses requests of foreign pages, also those that no route is found for
 * @param drain reads the rest of refused bodies
 */
export function createHttpServer(
  config: Pick<Config, 'headerMilliseconds' | 'idleMilliseconds' | 'publicPath' | 'trustedProxies'>,
  { check, drain }: { check: BrowserCheck; drain: BodyDrain },
  log: Logger,
) {
  const loggerInstance: FastifyBaseLogger = log
  const { publicPath } = config
  const begun = new WeakSet<Socket>()
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    return503OnClosing: false,
    // A busy machine may take longer to start than the ten seconds that Fastify gives a plugin. That is no reason to fail.
    pluginTimeout: 0,
    http: {
      requireHostHeader: false,
      IncomingMessage: gatheringMessage(publicPath),
      headersTimeout: config.headerMilliseconds,
      // Finds out about clients that have vanished, such as those that wait for events.
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMilliseconds,
      connectionsCheckingInterval: connectionsMilliseconds,
    },
    keepAliveTimeout: config.idleMilliseconds,
    ...(publicPath === '' ? {} : { rewriteUrl: withoutPublicPath(publicPath) }),
    trustProxy: config.trustedProxies.length > 0 && [...config.trustedProxies],
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID()
    },
    clientErrorHandler: answerBrokenRequest(publicPath, drain, begun),
    frameworkErrors: answerBadUrl(check, drain.drain),
    routerOptions: { ignoreTrailingSlash: true },
  }).withTypeProvider<ZodTypeProvider>()
  app.server.prependListener('request', ({ socket }, response) => {
    begun.add(socket)
    response.setMaxListeners(responseListeners)
  })
  app.server.on('checkExpectation', refuseExpectation(publicPath, drain))
  app.decorate('publicPath', publicPath)
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.removeContentTypeParser('text/plain')
  acceptJson(app)
  knowAllMethods(app)
  return app
}
