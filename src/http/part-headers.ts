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
  if (dispositions) Object.assign(header, { 'content-disposition': dispositions.map(withoutPlainFilename) })
  const encoding = encodings?.join().trim().toLowerCase()
  if (encoding && encoding !== 'identity') Object.assign(header, { 'content-transfer-encoding': [encoding] })
}

const parameter = /;\s*([^=;\s]+)\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;]*)/g

/** Returns a content disposition without its parameter `filename`, if it also has `filename*`. */
export function withoutPlainFilename(disposition: string): string {
  if (!/;\s*filename\*/i.test(disposition)) return disposition
  const isExtended = [...disposition.matchAll(parameter)].some(([, name]) => name?.toLowerCase() === 'filename*')
  if (!isExtended) return disposition
  return disposition.replace(parameter, (whole, name: string) => (name.toLowerCase() === 'filename' ? '' : whole))
}
