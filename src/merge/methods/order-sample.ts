import type { ElementReader } from '../element-reader.ts'

/** This many pieces of this many elements locate a rank to within a few percent. */
const pieces = 32
const pieceElements = 256

/**
 * Returns keys of elements from all over some tensors, in proportion to their sizes. Empty if reading all elements is
 * no more work.
 * @param keysOf returns the keys of each stream, given the elements of all sources
 */
export function sampleOf(
  readers: readonly ElementReader[],
  keysOf: (values: readonly Float64Array[]) => readonly Float64Array[],
): Float64Array[] {
  const elements = readers.reduce((sum, reader) => sum + reader.elements, 0)
  if (elements <= 4 * pieces * pieceElements) return []
  const places = readers.flatMap(reader => {
    const own = Math.ceil((pieces * reader.elements) / elements)
    return Array.from({ length: own }, (_, piece) => {
      const first = Math.floor((reader.elements * (piece + 0.5)) / own)
      return { reader, first, length: Math.min(pieceElements, reader.elements - first) }
    })
  })
  const total = places.reduce((sum, { length }) => sum + length, 0)
  const streams: Float64Array[] = []
  let before = 0
  for (const { reader, first, length } of places) {
    const values = Array.from({ length: reader.sources }, () => new Float64Array(length))
    reader.read(first, values)
    for (const [stream, keys] of keysOf(values).entries()) {
      const sampled = streams[stream] ?? new Float64Array(total)
      streams[stream] = sampled
      sampled.set(keys, before)
    }
    before += length
  }
  return streams
}
