import { jsonPieces } from '../json-pieces.ts'
import { freeMemory } from './moved-memory.ts'

/** A text in UTF-8. Each piece has memory of its own, which can be moved to another thread, and holds whole characters. */
export type TextPieces = Uint8Array<ArrayBuffer>[]

/** Returns the JSON text of a value. @param value as for {@link jsonPieces} */
export function jsonBytes(value: unknown): TextPieces {
  const encoder = new TextEncoder()
  return Array.from(jsonPieces(value), piece => encoder.encode(piece))
}

/** Yields the text piece by piece, and frees the memory of each. */
export function* textOf(pieces: TextPieces): Generator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  for (const piece of pieces) {
    const text = decoder.decode(piece)
    freeMemory(piece)
    yield text
  }
}
