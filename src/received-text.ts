import { type Place, TureenError } from './errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Returns the text that a client sent, without a byte order mark.
 * @throws TureenError `TUREEN_BODY_MALFORMED` if the bytes are not UTF-8; replacement characters would change the client's text.
 * `TUREEN_UNSUPPORTED_MEDIA_TYPE` if they are compressed
 */
export function decodeText(bytes: Uint8Array): string {
  refuseCompressed(bytes)
  try {
    return utf8.decode(bytes)
  } catch (error) {
    const text = new TextDecoder().decode(bytes)
    const before = text.slice(0, text.indexOf('\uFFFD'))
    const line = before.split('\n').length
    throw new TureenError(
      'TUREEN_BODY_MALFORMED',
      `The text is not UTF-8 (line ${line}). Save it as UTF-8 and send it again.`,
      [{ field: 'body', expected: 'UTF-8', message: `line ${line} is not UTF-8` }],
      { cause: error },
    )
  }
}

/** First bytes of compressed files. They are no UTF-8. */
const compressions = [
  { coding: 'gzip', magic: [0x1f, 0x8b] },
  { coding: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { coding: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
] as const

/** Refuses a body that is compressed, and does not say so in its headers. */
function refuseCompressed(bytes: Uint8Array): void {
  const found = compressions.find(({ magic }) => magic.every((byte, index) => bytes[index] === byte))
  if (!found) return
  const { coding: actual } = found
  const message = `is compressed with ${actual}, and the server decodes nothing`
  throw new TureenError('TUREEN_UNSUPPORTED_MEDIA_TYPE', `The text ${message}. Send it uncompressed.`, [
    { field: 'body', expected: 'text in UTF-8', actual, message },
  ])
}

/** True if a decoded text is exactly the text that the client sent. Decoders put U+FFFD in place of bytes that are not text. */
export function isWholeText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\uFFFD')
}

/**
 * Refuses a value that the server cannot store unchanged, at any depth. Such values have keys with a meaning in JavaScript, or halves of
 * surrogate pairs, which UTF-8 cannot write. It uses a queue instead of recursion, since bodies may nest deeply.
 * @param value a value of JSON or YAML, without cycles
 * @throws TureenError `TUREEN_REQUEST_INVALID` naming the field
 */
export function requireKeepable(value: unknown): void {
  if (typeof value === 'string' && !value.isWellFormed()) throw halfPair('body')
  if (typeof value !== 'object' || value === null) return
  const line: object[] = [value]
  const around: number[] = [-1]
  const names: (string | number)[] = ['']
  const fieldAt = (key: string | number, place: number) => {
    const path = [key]
    for (let at = place; at > 0; at = around[at] ?? 0) path.unshift(names[at] ?? '')
    return path.join('.')
  }
  const look = (each: unknown, key: string | number, place: number) => {
    if (typeof each === 'string') {
      if (!each.isWellFormed()) throw halfPair(fieldAt(key, place))
    } else if (typeof each === 'object' && each !== null) {
      line.push(each)
      around.push(place)
      names.push(key)
    }
  }
  for (let place = 0; place < line.length; place += 1) {
    const container = line[place]
    if (Array.isArray(container)) {
      for (let index = 0; index < container.length; index += 1) look(container[index], index, place)
      continue
    }
    if (container === undefined) continue
    for (const key of Object.keys(container)) {
      const each: unknown = Reflect.get(container, key)
      if (key === '__proto__' || (key === 'constructor' && typeof each === 'object' && each !== null))
        throw forbiddenKey(key, fieldAt(key, place))
      if (!key.isWellFormed()) throw halfPair(fieldAt(key.toWellFormed(), place))
      look(each, key, place)
    }
  }
}

function forbiddenKey(key: string, field: string): TureenError {
  const message = `the key ${key} is not allowed, because objects of JavaScript have it already`
  return refusal({ field, actual: key }, message, 'Remove or rename it')
}

function halfPair(field: string): TureenError {
  return refusal(
    { field, expected: 'well-formed Unicode' },
    'the text has half of a surrogate pair, such as \\ud800, which is no character',
    'Remove it',
  )
}

function refusal(place: Place & { field: string }, message: string, advice: string): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `At ${place.field} ${message}. ${advice}.`, [{ ...place, message }])
}
