import { Dicer } from '@fastify/busboy'

/**
 * Makes the parser of forms prefer `filename*` to `filename`, as RFC 6266 (4.3) says for other headers. RFC 7578 forbids `filename*` in
 * forms, but some clients send both. The parser would take the one that comes last, or the first if it is quoted.
 */
export function preferExtendedFilenames(): void {
  // The parser of forms makes its Dicer itself, so only the class can be told.
  const { emit } = Dicer.prototype
  Dicer.prototype.emit = function emitPrepared(event: string | symbol, ...values: unknown[]): boolean {
    const [part] = values
    // This listener comes before those of the parser, which hears of the part next.
    if (event === 'part' && isPart(part)) part.once('header', dropPlainFilename)
    return emit.call(this, event, ...values)
  }
}

type Part = { once(event: 'header', listener: (header: unknown) => void): unknown }

function isPart(value: unknown): value is Part {
  return typeof value === 'object' && value !== null && 'once' in value
}

/** Removes the plain filename from the header of a part that has an extended one, too. */
function dropPlainFilename(header: unknown): void {
  if (typeof header !== 'object' || header === null || !('content-disposition' in header)) return
  const { 'content-disposition': lines } = header
  if (!Array.isArray(lines)) return
  lines.splice(0, lines.length, ...lines.map(line => withoutPlainFilename(String(line))))
}

const parameter = /;\s*([^=;\s]+)\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;]*)/g

/** Returns a content disposition without its parameter `filename`, if it also has `filename*`. */
export function withoutPlainFilename(disposition: string): string {
  if (!/;\s*filename\*/i.test(disposition)) return disposition
  const isExtended = [...disposition.matchAll(parameter)].some(([, name]) => name?.toLowerCase() === 'filename*')
  if (!isExtended) return disposition
  return disposition.replace(parameter, (whole, name: string) => (name.toLowerCase() === 'filename' ? '' : whole))
}
