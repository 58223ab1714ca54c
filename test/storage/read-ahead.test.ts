import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openFileSource, openReadAhead } from '../../src/storage/file-source.ts'
import { temporaryDirectory } from '../support/server.ts'

const bytes = Uint8Array.from({ length: 40_000 }, (_, index) => (index * 7919) % 251)
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let path: string
beforeAll(async () => {
  directory = await temporaryDirectory()
  path = join(directory.path, 'file')
  await writeFile(path, bytes)
})
afterAll(() => directory.remove())

/** Small and large pieces, at places near each other and far apart, at the end of the file as well. */
const piece = fc
  .record({ offset: fc.nat(bytes.byteLength), length: fc.oneof(fc.nat(40), fc.nat(3000)) })
  .map(({ offset, length }) => ({ offset, length: Math.min(length, bytes.byteLength - offset) }))

test('reading ahead gives the bytes of the file and counts what was asked for, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), pieces => {
      const source = openReadAhead(path)
      for (const { offset, length } of pieces) {
        const target = new Uint8Array(length)
        source.read(offset, target)
        expect(target).toEqual(bytes.subarray(offset, offset + length))
      }
      expect(source.bytesRead).toBe(pieces.reduce((sum, { length }) => sum + length, 0))
      source.close()
    }),
  )
})

test('a piece beyond the end of the file is refused, as without reading ahead', () => {
  for (const open of [openFileSource, openReadAhead]) {
    const source = open(path)
    expect(() => source.read(bytes.byteLength - 2, new Uint8Array(3))).toThrow(RangeError)
    source.close()
  }
})
