import type { IncomingMessage } from 'node:http'
import { TureenError } from '../errors.ts'
import { isLoopback } from './addresses.ts'
import { type Authority, parseAuthority } from './authority.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True if the route answers under every host name. Probes and scrapers send the address of a pod. */
    anyHost?: boolean
  }
}

/** Most characters of a refused host that an error shows. */
const shownCharacters = 100
const defaultPorts = ['80', '443']

/**
 * Returns the host that a request names; undefined for HTTP/1.0 without the header.
 * @throws TureenError `TUREEN_REQUEST_INVALID` if the header is missing, repeated or malformed, or differs from the request target
 */
export function hostOf({ headersDistinct, httpVersion, url }: IncomingMessage): Authority | undefined {
  const hosts = headersDistinct['host'] ?? []
  const [text] = hosts
  if (hosts.length > 1) throw invalid(`it has ${hosts.length} headers host`, hosts.join(', '), 'Send one')
  if (text === undefined) {
    if (httpVersion === '1.0') return undefined
    throw invalid('it has no header host, which HTTP/1.1 requires', undefined, 'Send one')
  }
  const host = parseAuthority(text)
  if (host === undefined) throw invalid(`its header host is ${shown(text)}`, text, 'Write NAME or NAME:PORT')
  // RFC 9112, 3.2.2: the host of an absolute request target counts, and the header repeats it.
  const target = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url ?? '')?.[1]
  if (target === undefined) return host
  const named = parseAuthority(target)
  if (named?.name === host.name && named.port === host.port) return host
  const found = `its target names the host ${shown(target)}, and its header host ${shown(text)}`
  throw invalid(found, text, 'Send the path alone')
}

/**
 * Returns the check of the host that a request names. With DNS rebinding, a web page reaches this server under the page's own name. So
 * a server without tokens answers only under known names.
 *
 * @param hosts names of TUREEN_HOSTS; localhost and loopback addresses are always known
 * @param hasTokens true if the server needs tokens; then an empty list of hosts allows all names
 * @returns a function that throws TureenError `TUREEN_HOST_UNKNOWN`, or `TUREEN_REQUEST_INVALID` as {@link hostOf}
 */
export function hostCheck(
  hosts: readonly Authority[],
  hasTokens: boolean,
): (request: IncomingMessage, anyHost?: boolean) => void {
  const answersAll = hasTokens && hosts.length === 0
  return (request, anyHost = false) => {
    const host = hostOf(request)
    if (answersAll || anyHost || (host && isKnown(host, hosts))) return
    const { host: actual } = request.headers
    const found = host ? `as ${actual}` : 'requests without a header host'
    throw new TureenError(
      'TUREEN_HOST_UNKNOWN',
      `The server does not answer ${found}. Call it as localhost or by a loopback address; for other names the operator sets TUREEN_HOSTS.`,
      [
        {
          field: 'host',
          expected: ['localhost', 'a loopback address', ...hosts.map(({ name }) => name)].join(', '),
          ...(actual === undefined ? {} : { actual }),
          message: host ? 'is not a name of this server' : 'is missing',
        },
      ],
    )
  }
}

function isKnown({ name, port }: Authority, hosts: readonly Authority[]): boolean {
  if (isLoopback(name.replace(/^\[(.*)\]$/, '$1'))) return true
  return hosts.some(
    known =>
      known.name === name &&
      (known.port === '' || known.port === port || (port === '' && defaultPorts.includes(known.port))),
  )
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, shownCharacters))
}

function invalid(found: string, actual: string | undefined, advice: string): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The request is not valid: ${found}. ${advice}.`, [
    { field: 'host', ...(actual === undefined ? {} : { actual }), message: found },
  ])
}
