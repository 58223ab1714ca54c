import { Dicer } from '@fastify/busboy'
import { z } from 'zod'

/**
 * Makes the parser of forms heed two headers of parts that it ignores. It prefers `filename*` to `filename`, as RFC 6266 (4.3) says: RFC
 * 7578 forbids `filename*` in forms, but some clients send both. And it tells a content encoding as the encoding of the part.
 */
export function heedPartHeaders(): void {
  // The parser of forms makes its Dicer itself, so only the class can be told.
  const { emit } = Dicer.prototype
  Dicer.prototype.emit = function emitPrepared(event: string | symbol, ...values: unknown[]): boolean {
    const [part] = values
    // This listener comes before those of the parser, which hears of the part next.
    if (event === 'part' && isPart(part)) part.once('header', prepareHeader)
    return emit.call(this, event, ...values)
  }
}

const lines = z.array(z.string()).optional()
const partHeaders = z.object({ 'content-disposition': lines, 'content-encoding': lines })

type Part = { once(event: 'header', listener: (header: unknown) => void): unknown }

function isPart(value: unknown): value is Part {
  return typeof value === 'object' && value !== null && 'once' in value
}

/** Changes the headers of a part, lists of lines by name, to what the parser would otherwise ignore. */
function prepareHeader(header: unknown): void {
  if (typeof header !== 'object' || header === null) return
  const { 'content-disposition': dispositions, 'content-encoding': encodings } =
    partHeaders.safeParse(header).data ?? {}
  if (dispositions) Object.assign(header, { 'content-disposition': dispositions.map(withOneFilename) })
  const encoding = encodings?.join().trim().toLowerCase()
  if (encoding && encoding !== 'identity') Object.assign(header, { 'content-transfer-encoding': [encoding] })
}

const parameter = /;\s*([^=;\s]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)/g
/** A character set, a language that may be empty, and percent-encoded text (RFC 8187, 3.2). */
const extendedValue = /^\s*"?[\w.+-]+'[\w-]*'(?:[^%"\s]|%[\da-f]{2})*"?\s*$/i

/**
 * Returns a content disposition with one of its parameters `filename` and `filename*`, if it has both: `filename*`, unless its value is
 * malformed. RFC 6266 (4.3) says so.
 */
export function withOneFilename(disposition: string): string {
  if (!/;\s*filename\*/i.test(disposition)) return disposition
  const values = new Map(
    [...disposition.matchAll(parameter)].map(([, name = '', value]) => [name.toLowerCase(), value]),
  )
  const extended = values.get('filename*')
  if (extended === undefined || !values.has('filename')) return disposition
  const ignored = extendedValue.test(extended) ? 'filename' : 'filename*'
  return disposition.replace(parameter, (whole, name: string) => (name.toLowerCase() === ignored ? '' : whole))
}
