import { isIPv6 } from 'node:net'

/** A host and its port, from the header Host or from TUREEN_HOSTS. */
export type Authority = Readonly<{
  /** Host name in lower case, without a final dot; or an IPv6 address in brackets, in its shortest form. */
  name: string
  /** Decimal digits; empty if the text has no port. */
  port: string
}>

/** Most characters of a DNS name. */
const longestName = 253
const namePattern = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/

/** Reads `NAME`, `NAME:PORT`, `ADDRESS` or `[IPV6]:PORT`; undefined if the text is none of these. */
export function parseAuthority(text: string): Authority | undefined {
  const [, written, port = ''] = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{0,5}))?$/i.exec(text) ?? []
  if (written === undefined || Number(port) > 65_535) return undefined
  if (!written.startsWith('[')) {
    const name = written.toLowerCase().replace(/\.$/, '')
    return name.length <= longestName && namePattern.test(name) ? { name, port } : undefined
  }
  return isIPv6(written.slice(1, -1)) ? { name: new URL(`http://${written}`).hostname, port } : undefined
}

/**
 * True if a page at the authority has this origin. An authority without a port gets the default port of the origin's scheme, since a
 * proxy that ends TLS passes on the name but not the scheme.
 */
export function isOriginOf(origin: string, { name, port }: Authority): boolean {
  const url = URL.parse(origin)
  if (url === null || url.origin !== origin) return false
  const defaultPort = { 'http:': '80', 'https:': '443' }[url.protocol]
  if (defaultPort === undefined) return false
  return parseAuthority(url.hostname)?.name === name && (url.port || defaultPort) === (port || defaultPort)
}
