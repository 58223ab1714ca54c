import type { IncomingMessage } from 'node:http'
import fastifyPlugin from 'fastify-plugin'
import { parseAuthority } from './authority.ts'
import { hostCheck } from './host-check.ts'
import { originCheck } from './origin-check.ts'

/** Throws TureenError if pages in browsers may not send a request; `anyHost` as in the configuration of routes. */
export type BrowserCheck = (request: IncomingMessage, anyHost?: boolean) => void

/** @param given hosts: TUREEN_HOSTS; corsOrigins: TUREEN_CORS_ORIGINS */
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
 * Refuses what pages in browsers may not send, before anything else is looked at: path, token, rate or body. Registered before CORS, so
 * that no preflight is answered under a foreign name.
 */
export const browserGuard = fastifyPlugin<{ check: BrowserCheck }>(async (app, { check }) => {
  app.addHook('onRequest', async ({ raw, routeOptions }) => check(raw, routeOptions.config.anyHost))
})
