import { expect, test } from 'vitest'
import { readBytes } from '../../src/onnx/byte-source.ts'
import { stridedSource } from '../../src/onnx/strided-source.ts'

/** A source whose 4-byte words are their own numbers, and that counts what is read of it. */
function numbered(words: number) {
  let read = 0
  return {
    byteLength: words * 4,
    get bytesRead() {
      return read
    },
    read(offset: number, target: Uint8Array) {
      read += target.byteLength
      const view = new DataView(target.buffer, target.byteOffset, target.byteLength)
      for (let at = 0; at < target.byteLength; at += 4) view.setUint32(at, (offset + at) / 4, true)
    },
  }
}

const wordsOf = (bytes: Uint8Array) => [...new Uint32Array(bytes.slice().buffer)]

test('a transposed matrix larger than what is kept is read row by row, each page once', () => {
  const [rows, columns] = [3000, 4000]
  const source = numbered(rows * columns)
  const transposed = stridedSource(
    { form: 'strided', offset: 0, dims: [columns, rows], strides: [4, columns * 4], width: 4 },
    source,
  )
  expect(transposed.byteLength).toBe(source.byteLength)
  for (const row of [0, 1, 2, 1000]) {
    const words = wordsOf(readBytes(transposed, row * rows * 4, rows * 4))
    expect(words).toEqual(Array.from({ length: rows }, (_, index) => index * columns + row))
  }
  // The first three rows share their pages.
  expect(source.bytesRead).toBeLessThan(3 * rows * 4096)
})

test('a slice of long rows is read run by run', () => {
  const source = numbered(4 * 5000)
  const slice = stridedSource({ form: 'strided', offset: 8, dims: [4, 2000], strides: [5000 * 4, 4], width: 4 }, source)
  const words = wordsOf(readBytes(slice, 0, slice.byteLength))
  expect(words).toEqual(
    Array.from({ length: 8000 }, (_, index) => Math.floor(index / 2000) * 5000 + (index % 2000) + 2),
  )
  expect(source.bytesRead).toBe(slice.byteLength)
})
