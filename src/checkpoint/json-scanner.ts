import { malformedCheckpoint } from './unreadable-checkpoint.ts'

const quote = 0x22
const backslash = 0x5c
const firstPrintable = 0x20

/**
 * Reads JSON text token by token. `JSON.parse` would build the whole document, and would hide keys that stand in it twice.
 * Each method throws `TUREEN_CHECKPOINT_MALFORMED` if another token is next.
 */
export type JsonScanner = {
  /** True if the next token is this character, which is then read. */
  takes(character: string): boolean
  /** Reads this character. */
  expect(character: string): void
  /** Reads a text. Its characters are well-formed Unicode. */
  text(what: string): string
  /** Reads a whole number from 0 to 2^53 - 1. */
  count(what: string): number
  /** Reads the members of an object. `member` reads the value of a key. A key that stands there twice is refused. */
  object(what: string, member: (key: string) => void): void
  /** Skips a value of any form. What stands inside of its brackets is not checked. */
  skip(what: string): void
  /** Checks that only white space follows. */
  end(): void
}

/** Returns a scanner of UTF-8 bytes. @param where names the text in errors, such as "header" */
export function jsonScanner(bytes: Uint8Array, where: string): JsonScanner {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let at = 0
  const fail = (expected: string) =>
    malformedCheckpoint(
      `has ${at < bytes.byteLength ? 'something else' : 'the end'} at byte ${at} of its ${where}, where ${expected} is expected`,
    )
  const skipSpace = () => {
    for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[at])
      at += 1
  }
  const takes = (character: string) => {
    skipSpace()
    if (bytes[at] !== character.charCodeAt(0)) return false
    at += 1
    return true
  }
  const expect = (character: string) => {
    if (!takes(character)) throw fail(character)
  }
  /** Returns the end of the text that starts at `at`, its closing quote included, and whether it has escapes. */
  const endOfText = (what: string) => {
    let hasEscapes = false
    for (let end = at + 1; end < bytes.byteLength; end += 1) {
      const byte = bytes[end] ?? 0
      if (byte === quote) return { end: end + 1, hasEscapes }
      if (byte < firstPrintable) break
      if (byte !== backslash) continue
      hasEscapes = true
      end += 1
    }
    throw fail(what)
  }
  const text = (what: string) => {
    skipSpace()
    if (bytes[at] !== quote) throw fail(what)
    const { end, hasEscapes } = endOfText(what)
    const read = decoded(bytes.subarray(at, end), hasEscapes)
    if (read === undefined) throw fail(`${what} in UTF-8`)
    at = end
    return read
  }
  const decoded = (slice: Uint8Array, hasEscapes: boolean): string | undefined => {
    try {
      const raw = decoder.decode(slice)
      const value: unknown = hasEscapes ? JSON.parse(raw) : raw.slice(1, -1)
      return typeof value === 'string' && value.isWellFormed() ? value : undefined
    } catch {
      return undefined
    }
  }
  const count = (what: string) => {
    skipSpace()
    const start = at
    let value = 0
    for (let byte = bytes[at] ?? 0; byte >= 0x30 && byte <= 0x39; byte = bytes[at] ?? 0) {
      value = value * 10 + (byte - 0x30)
      if (value > Number.MAX_SAFE_INTEGER) throw fail(`${what} of at most 53 bits`)
      at += 1
    }
    const hasLeadingZero = at - start > 1 && bytes[start] === 0x30
    if (at === start || hasLeadingZero) throw fail(what)
    return value
  }
  const object = (what: string, member: (key: string) => void) => {
    expect('{')
    if (takes('}')) return
    const keys = new Set<string>()
    do {
      const key = text(what)
      if (keys.has(key))
        throw malformedCheckpoint(`has the key ${JSON.stringify(key.slice(0, 100))} twice in its ${where}`)
      keys.add(key)
      expect(':')
      member(key)
    } while (takes(','))
    expect('}')
  }
  const skip = (what: string) => {
    let open = 0
    do {
      skipSpace()
      const byte = bytes[at] ?? 0
      if (byte === quote) at = endOfText(what).end
      else if (isPlain(byte)) while (isPlain(bytes[at] ?? 0)) at += 1
      else {
        const isSeparator = open > 0 && (byte === 0x2c || byte === 0x3a)
        if (byte === 0x5b || byte === 0x7b) open += 1
        else if (open > 0 && (byte === 0x5d || byte === 0x7d)) open -= 1
        else if (!isSeparator) throw fail(what)
        at += 1
      }
    } while (open > 0)
  }
  const end = () => {
    skipSpace()
    if (at < bytes.byteLength) throw fail('nothing more')
  }
  return { takes, expect, text, count, object, skip, end }
}

/** True for a byte of a number or of a word such as `null`. */
function isPlain(byte: number): boolean {
  const isDigit = byte >= 0x30 && byte <= 0x39
  const letter = byte | 0x20
  return isDigit || (letter >= 0x61 && letter <= 0x7a) || byte === 0x2b || byte === 0x2d || byte === 0x2e
}
