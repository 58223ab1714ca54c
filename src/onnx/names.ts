import protobuf from 'protobufjs/minimal.js'
import { bytesAt, type WireCursor } from './wire.ts'

/** Precedes the hexadecimal digits of each byte that is not UTF-8. No other name contains it. */
const escapeMark = '\uFFFD'

/** Bytes of a UTF-8 sequence by its first byte: 2 from 0xC0, 3 from 0xE0, 4 from 0xF0. */
const sequenceBytes = [2, 2, 3, 4]

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Decodes a name. Different bytes always give different texts, because other places of the model refer to the name.
 * Protobuf demands UTF-8, but some exporters write Latin-1. Each byte that is not UTF-8 becomes U+FFFD and two
 * hexadecimal digits, as in `w\uFFFDE9`. So do the bytes of U+FFFD itself.
 */
export function decodeName(bytes: Uint8Array): string {
  const text = decoded(bytes)
  if (text !== undefined) return text
  let name = ''
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0
    const length = first < 0x80 ? 1 : (sequenceBytes[Math.max(0, (first - 0xc0) >> 4)] ?? 1)
    const character = decoded(bytes.subarray(at, at + length))
    name += character ?? `${escapeMark}${first.toString(16).toUpperCase().padStart(2, '0')}`
    at += character === undefined ? 1 : length
  }
  return name
}

/** Returns the name in the bytes [start, end) of a cursor's source, as {@link decodeName} does. */
export function readName(cursor: WireCursor, start: number, end: number): string {
  if (start === end) return ''
  const bytes = bytesAt(cursor, start, end)
  return isAscii(bytes, 0, bytes.length) ? bytes.toString('latin1') : decodeName(bytes)
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if ((bytes[at] ?? 0) >= 0x80) return false
  return true
}

/** Returns the bytes of a name that {@link decodeName} returned. */
export function encodeName(name: string): Uint8Array<ArrayBuffer> {
  const parts = name.split(/\uFFFD([0-9A-F]{2})/)
  // The parts at odd indices are the hexadecimal digits.
  return Buffer.concat(parts.map((part, index) => Buffer.from(part, index % 2 === 0 ? 'utf8' : 'hex')))
}

/** True if a name, as {@link decodeName} returned it, has bytes that are not UTF-8. */
export function isEscaped(name: string): boolean {
  return name.includes(escapeMark)
}

/** Returns undefined if the bytes are not UTF-8, or contain U+FFFD. */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(bytes)
    return isEscaped(text) ? undefined : text
  } catch {
    return undefined
  }
}

/**
 * Reads messages for onnx-proto. onnx-proto's own reader drops bytes that are not UTF-8, which can make two names
 * equal.
 */
export class NameReader extends protobuf.Reader {
  readonly #bytes: Buffer

  constructor(bytes: Uint8Array) {
    super(bytes)
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  override string(): string {
    const end = this.uint32() + this.pos
    if (end > this.len) throw new RangeError(`a text ends at ${end} and the message at ${this.len}`)
    const start = this.pos
    this.pos = end
    if (!isAscii(this.#bytes, start, end)) return decodeName(this.#bytes.subarray(start, end))
    return this.#bytes.toString('latin1', start, end)
  }
}
