import { TureenError } from './errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Bytes that a client sent as a text; a byte order mark is left out.
 * @throws TureenError `TUREEN_BODY_MALFORMED` if they are not UTF-8: a text with replacement characters is not the one that was sent
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    const text = new TextDecoder().decode(bytes)
    const before = text.slice(0, text.indexOf('\uFFFD'))
    throw new TureenError(
      'TUREEN_BODY_MALFORMED',
      `The text is not UTF-8 (line ${before.split('\n').length}). Save it as UTF-8 and send it again.`,
      [],
      { cause: error },
    )
  }
}

/** Whether a decoded text can be the one that was sent: decoders leave U+FFFD for bytes that are not text. */
export function isWholeText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\uFFFD')
}

/** A list or map on the way to a value, and the way to itself. */
type Place = { value: object; key: string; parent: Place | undefined }

/**
 * Refuses what cannot be kept as it was sent, at any depth: keys that JavaScript gives a meaning of its own, and halves of surrogate
 * pairs, which UTF-8 does not have.
 * @param value of JSON or YAML, without cycles
 * @throws TureenError `TUREEN_REQUEST_INVALID` naming the field
 */
export function requireKeepable(value: unknown): void {
  if (typeof value === 'string' && !value.isWellFormed()) throw halfPair('body')
  if (typeof value !== 'object' || value === null) return
  const places: Place[] = [{ value, key: '', parent: undefined }]
  for (let place = places.pop(); place; place = places.pop()) {
    for (const [key, each] of Object.entries(place.value)) {
      if (key === '__proto__' || (key === 'constructor' && typeof each === 'object' && each !== null))
        throw forbiddenKey(key, fieldAt(key, place))
      if (!key.isWellFormed()) throw halfPair(fieldAt(key.toWellFormed(), place))
      if (typeof each === 'string' && !each.isWellFormed()) throw halfPair(fieldAt(key, place))
      if (typeof each === 'object' && each !== null) places.push({ value: each, key, parent: place })
    }
  }
}

function fieldAt(key: string, place: Place): string {
  const keys = [key]
  for (let at: Place | undefined = place; at?.parent; at = at.parent) keys.unshift(at.key)
  return keys.join('.')
}

function forbiddenKey(key: string, field: string): TureenError {
  const message = `the key ${key} is not allowed, because objects of JavaScript have it already`
  return refusal(field, message, 'Remove or rename it')
}

function halfPair(field: string): TureenError {
  return refusal(field, 'the text has half of a surrogate pair, such as \\ud800, which is no character', 'Remove it')
}

function refusal(field: string, message: string, advice: string): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `At ${field} ${message}. ${advice}.`, [{ field, message }])
}
