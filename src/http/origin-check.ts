import type { IncomingMessage } from 'node:http'
import { TureenError } from '../errors.ts'
import { type Authority, isOriginOf } from './authority.ts'
import { hostOf } from './host-check.ts'

/** True if an HTTP method changes nothing (RFC 9110, 9.2.1). Browsers hide the answers to such requests from pages of other origins. */
export function isSafe(method: string): boolean {
  return ['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method)
}

/**
 * Returns the check of the web page that sent a request with an unsafe HTTP method. Browsers let every page send such requests to every
 * server, and name the page's origin in Sec-Fetch-Site or Origin. Other clients send neither header, and pass.
 *
 * @param hosts names of TUREEN_HOSTS, since a proxy may replace the header host
 * @param corsOrigins origins whose pages may call the server; `*`: all
 * @returns a function that throws TureenError `TUREEN_CROSS_ORIGIN`
 */
export function originCheck(
  hosts: readonly Authority[],
  corsOrigins: readonly string[],
): (request: IncomingMessage) => void {
  return request => {
    const { method = 'GET', headers } = request
    const { origin, 'sec-fetch-site': site } = headers
    if (isSafe(method)) return
    if (corsOrigins.includes('*') || (origin !== undefined && corsOrigins.includes(origin))) return
    if (site === 'same-origin' || site === 'none') return
    if (site === undefined) {
      if (origin === undefined) return
      const host = hostOf(request)
      if ([...hosts, ...(host ? [host] : [])].some(each => isOriginOf(origin, each))) return
    }
    const page = origin === undefined || origin === 'null' ? 'of another origin' : `of ${origin}`
    throw new TureenError(
      'TUREEN_CROSS_ORIGIN',
      `A page ${page} sent this ${method}; only pages of this server may. To allow it, the operator adds the origin to TUREEN_CORS_ORIGINS, or the name of the server's proxy to TUREEN_HOSTS.`,
      [
        {
          ...(site === undefined
            ? { field: 'origin', actual: origin ?? 'null' }
            : { field: 'sec-fetch-site', expected: 'same-origin, none', actual: String(site) }),
          message: 'is that of another origin',
        },
      ],
    )
  }
}
