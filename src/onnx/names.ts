import protobuf from 'protobufjs/minimal.js'

/** Stands before each byte of a name that is not UTF-8, and for no character of any other name. */
const escapeMark = '\uFFFD'

/** Bytes of a UTF-8 sequence by its first byte: 2 from 0xC0, 3 from 0xE0, 4 from 0xF0. */
const sequenceBytes = [2, 2, 3, 4]

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A name in a model as a text, and never the same text for two names: other places of the model refer by it. Protobuf demands UTF-8,
 * but some exporters write Latin-1: each byte that is not UTF-8 becomes U+FFFD and its two hexadecimal digits, as in `w\uFFFDE9`. So do
 * the bytes of U+FFFD itself.
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

/** Whether a name has bytes that are not UTF-8, by what {@link decodeName} has made of it. */
export function isEscaped(name: string): boolean {
  return name.includes(escapeMark)
}

/** undefined if the bytes are not UTF-8, or have U+FFFD. */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(bytes)
    return isEscaped(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Reads messages for onnx-proto, whose own reader drops bytes that are not UTF-8, so that two names may become one. */
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
    for (let at = start; at < end; at += 1)
      if ((this.#bytes[at] ?? 0) >= 0x80) return decodeName(this.#bytes.subarray(start, end))
    return this.#bytes.toString('latin1', start, end)
  }
}
