import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

/** Logs one line at the end of each request, answered or aborted. The line has no headers, bodies or query values. */
export const requestLog = fastifyPlugin(async app => {
  app.addHook('onRequest', async (request, reply) => logWhenOver(request, reply))
})

/** Logs the end of one request. The hooks miss some requests, such as those without a valid path; their handlers call this. */
export function logWhenOver(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id)
  reply.raw.once('close', () => {
    const { method, url, log, routeOptions, token } = request
    log.info(
      {
        method,
        path: url.split('?')[0],
        route: routeOptions.url,
        token: token?.name,
        status: reply.raw.headersSent ? reply.statusCode : null,
        milliseconds: Math.round(reply.elapsedTime * 10) / 10,
        aborted: !reply.raw.writableEnded,
      },
      'request',
    )
  })
}
