import type { IncomingMessage } from 'node:http'
import fastifyPlugin from 'fastify-plugin'
import { parseAuthority } from './authority.ts'
import { hostCheck } from './host-check.ts'
import { originCheck } from './origin-check.ts'

/** Throws TureenError if web pages may not send this request. `anyHost`: the setting of the route. */
export type BrowserCheck = (request: IncomingMessage, anyHost?: boolean) => void

/** Returns the check of host and origin. @param given hosts: TUREEN_HOSTS; corsOrigins: TUREEN_CORS_ORIGINS */
export function browserCheck(given: {
  hosts: readonly string[]
  corsOrigins: readonly string[]
  hasTokens: boolean
}): BrowserCheck {
  const hosts = given.hosts.flatMap(text => parseAuthority(text) ?? [])
  const checkHost = hostCheck(hosts, given.hasTokens)
  const checkOrigin = originCheck(hosts, given.corsOrigins)
  return (request, anyHost) => {
    checkHost(request, anyHost)
    checkOrigin(request)
  }
}

/**
 * Refuses requests that web pages may not send, before any check of path, token, rate or body. Register it before CORS: the server must
 * not answer a preflight under a foreign name.
 */
export const browserGuard = fastifyPlugin<{ check: BrowserCheck }>(async (app, { check }) => {
  app.addHook('onRequest', async ({ raw, routeOptions }) => check(raw, routeOptions.config.anyHost))
})
