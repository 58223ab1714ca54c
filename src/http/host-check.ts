import type { IncomingMessage } from 'node:http'
import { TureenError } from '../errors.ts'
import { isLoopback } from './addresses.ts'
import { type Authority, parseAuthority } from './authority.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route answers under every name: probes and scrapers send the address of a pod. */
    anyHost?: boolean
  }
}

const defaultPorts = ['80', '443']

/**
 * The host that a request names; undefined if it is HTTP/1.0 and names none.
 * @throws TureenError `TUREEN_REQUEST_INVALID` if the request names none, several, or what is no host
 */
export function hostOf({ headersDistinct, httpVersion, url }: IncomingMessage): Authority | undefined {
  const hosts = headersDistinct['host'] ?? []
  const [text] = hosts
  if (hosts.length > 1) throw invalid(`the request has ${hosts.length} headers host`, 'Send one')
  if (text === undefined) {
    if (httpVersion === '1.0') return undefined
    throw invalid('the request has no header host, and HTTP/1.1 requires it', 'Send it')
  }
  const host = parseAuthority(text)
  if (host === undefined) throw invalid('the header host is not written NAME or NAME:PORT', 'Correct it')
  // RFC 9112, 3.2.2: the host of an absolute request target counts, and the header repeats it.
  const target = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url ?? '')?.[1]
  if (target === undefined) return host
  const named = parseAuthority(target)
  if (named?.name === host.name && named.port === host.port) return host
  throw invalid('the request target names another host than the header host', 'Send the path alone')
}

/**
 * Makes the check of the host that a request names. A page whose name was made to resolve to this server (DNS rebinding) sends its
 * own name, so that a server without tokens answers under known names alone.
 *
 * @param hosts names of TUREEN_HOSTS, beside localhost and loopback addresses
 * @param hasTokens with tokens, no names mean all names
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
    const found = host ? `as ${request.headers.host}` : 'requests without a header host'
    throw new TureenError(
      'TUREEN_HOST_UNKNOWN',
      `The server does not answer ${found}. Call it as localhost or by a loopback address; for other names the operator sets TUREEN_HOSTS.`,
      [{ field: 'host', message: host ? 'is not a name of this server' : 'is missing' }],
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

function invalid(found: string, advice: string): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The request is not valid: ${found}. ${advice}.`, [
    { field: 'host', message: found },
  ])
}
