import { describe, expect, test } from 'vitest'
import { readZipEntries } from '../../src/checkpoint/zip-entries.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { checkpointBytes } from '../support/checkpoints.ts'
import { zipOf } from '../support/stored-zip.ts'
import { virtualSource } from '../support/virtual-source.ts'

const malformed = (words: RegExp) =>
  expect.objectContaining({ code: 'TUREEN_CHECKPOINT_MALFORMED', message: expect.stringMatching(words) })

/** Returns an entry of the directory, or the local header, of a zip64 file: sizes and offset stand in the extra field. */
function longEntry(name: string, bytes: bigint, header: bigint): Buffer {
  const extra = Buffer.alloc(28)
  extra.writeUInt16LE(1)
  extra.writeUInt16LE(24, 2)
  for (const [index, value] of [bytes, bytes, header].entries()) extra.writeBigUInt64LE(value, 4 + 8 * index)
  const entry = Buffer.alloc(46, 0)
  entry.writeUInt32LE(0x02014b50)
  for (const at of [20, 24, 42]) entry.writeUInt32LE(0xffffffff, at)
  entry.writeUInt16LE(name.length, 28)
  entry.writeUInt16LE(extra.byteLength, 30)
  return Buffer.concat([entry, Buffer.from(name), extra])
}

function localHeader(name: string): Buffer {
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50)
  local.writeUInt16LE(name.length, 26)
  return Buffer.concat([local, Buffer.from(name)])
}

/** Returns the records at the end of a zip64 file with one entry. */
function longEnd(directoryBytes: number, directoryStart: bigint): Buffer {
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50)
  record.writeBigUInt64LE(1n, 24)
  record.writeBigUInt64LE(1n, 32)
  record.writeBigUInt64LE(BigInt(directoryBytes), 40)
  record.writeBigUInt64LE(directoryStart, 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50)
  locator.writeBigUInt64LE(directoryStart + BigInt(directoryBytes), 8)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.fill(0xff, 8, 20)
  return Buffer.concat([record, locator, end])
}

describe('the entries of a zip file', () => {
  test('lie where Python has put them', () => {
    const source = memorySource(checkpointBytes('epoch1.pt'))
    const entry = readZipEntries(source).find('epoch1/version')
    const bytes = checkpointBytes('epoch1.pt').subarray(entry?.start, (entry?.start ?? 0) + (entry?.bytes ?? 0))
    expect(bytes.toString()).toBe('3\n')
  })

  test('are found beyond 4 GiB, and nothing of them is read', () => {
    const bytes = 5_000_000_000
    const local = localHeader('a/data/0')
    const entry = longEntry('a/data/0', BigInt(bytes), 0n)
    const source = virtualSource([
      local,
      { hole: bytes },
      entry,
      longEnd(entry.byteLength, BigInt(local.byteLength + bytes)),
    ])
    const found = readZipEntries(source).find('a/data/0')
    expect(found).toEqual({ name: 'a/data/0', start: local.byteLength, bytes })
  })

  test.each([
    [
      'twice the same name',
      () => {
        const bytes = zipOf({ aa: Buffer.alloc(1), ab: Buffer.alloc(1) })
        for (let at = bytes.indexOf('ab'); at >= 0; at = bytes.indexOf('ab')) bytes.write('aa', at)
        return bytes
      },
      /aa twice/,
    ],
    ['no end', () => zipOf({ a: Buffer.alloc(1) }).subarray(0, -1), /without its end/],
    [
      'a directory that ends early',
      () => {
        const bytes = zipOf({ a: Buffer.alloc(1) })
        bytes.writeUInt16LE(2, bytes.byteLength - 12)
        return bytes
      },
      /2 entries that ends after 1/,
    ],
  ])('with %s are refused', (_, make, words) => {
    expect(() => readZipEntries(memorySource(make()))).toThrow(malformed(words))
  })

  test('that lie outside of the file are refused when they are asked for', () => {
    const bytes = zipOf({ a: Buffer.alloc(1) })
    const directory = bytes.indexOf(Buffer.from('PK\x01\x02'))
    bytes.writeUInt32LE(1000, directory + 20)
    bytes.writeUInt32LE(1000, directory + 24)
    expect(() => readZipEntries(memorySource(bytes)).find('a')).toThrow(malformed(/outside of its zip file/))
  })
})
