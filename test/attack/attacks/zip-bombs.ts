import { type Entry, npyFile, npyOf, zipFile } from '../../evaluate/datasets/zip-file.ts'

const header = (shape: string, descr = '<f4') => `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`
const array = npyOf('<f4', [1, 1], new Uint8Array(4))
const other: Entry = { name: 'y.npy', data: array }
const many = (count: number, entry: (index: number) => Entry) =>
  zipFile(Array.from({ length: count }, (_, index) => entry(index)))
const one = (data: Uint8Array, more: Partial<Entry> = {}) => zipFile([other, { name: 'x.npy', data, ...more }])

/**
 * Data sets of at most a few megabytes that lie, or grow beyond their limits, when they are read. Each is refused, or its array x is left
 * out.
 */
export const zipBombs = (): Record<string, Buffer<ArrayBuffer>> => {
  const zeros = Buffer.alloc(200_000_000)
  return {
    'zeros beyond what the header says': one(Buffer.concat([npyOf('<f4', [1, 1], new Uint8Array(4)), zeros]), {
      deflate: true,
    }),
    'a size that is a lie': one(Buffer.concat([npyFile(header('(50000000, 1)'), zeros.subarray(0, 100))]), {
      deflate: true,
      claims: { bytes: 200_000_100 },
    }),
    'terabytes in the directory': one(array, { claims: { bytes: 2 ** 42, storedBytes: 2 ** 42 }, zip64: true }),
    'a shape of exabytes': one(npyFile(header('(9223372036854775807, 9223372036854775807)'), new Uint8Array(8))),
    'a shape that overflows to nothing': one(npyFile(header('(4294967296, 4294967296)'), new Uint8Array(0))),
    'a negative shape': one(npyFile(header('(-1, 1)'), new Uint8Array(4))),
    'parentheses inside each other': one(
      npyFile(header(`${'('.repeat(20_000)}${')'.repeat(20_000)}`), new Uint8Array(4)),
    ),
    'a header of megabytes': one(npyFile(`${' '.repeat(5_000_000)}${header('(1, 1)')}`, new Uint8Array(4), 2)),
    'a header longer than the file': one(Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\x7f{', 'latin1')),
    'objects of Python': one(npyFile(header('(1, 1)', '|O'), Buffer.from('cos\nsystem\n(S"id"\ntR.'))),
    'two entries of one name': zipFile([other, other]),
    '60,000 entries': many(60_000, index => ({ name: `x${index}.npy`, data: new Uint8Array(0) })),
    'fewer entries than it says': zipFile([other], { entryCount: 60_000 }),
    'an entry behind the end': one(array, { claims: { offset: 0xff_ff_ff } }),
    'a method that nobody knows': one(array, { claims: { method: 99 } }),
    'an entry that is encrypted': one(array, { claims: { flags: 1 } }),
    'a digest that is wrong': one(array, { claims: { crc32: 1 } }),
    'deflated garbage': one(array, { deflate: true, stored: Buffer.alloc(1_000, 0xff) }),
    'a zip in a zip': one(zipFile([{ name: 'x.npy', data: zeros.subarray(0, 10_000_000), deflate: true }])),
    'half a zip': one(array).subarray(0, -30),
  }
}

/** Data sets that are within the limits, or beyond them, and must cost little. */
export const zipLoads = (): Record<string, Buffer<ArrayBuffer>> => {
  const large = npyOf('<f4', [1, 25_000_000], Buffer.alloc(100_000_000))
  const overlapping = (data: Uint8Array) =>
    many(1_000, index => ({
      name: `x${index}.npy`,
      ...(index === 0 ? { data, deflate: true } : { data: array, claims: { offset: 0 } }),
    }))
  return {
    'entries that overlap': overlapping(array),
    'entries that overlap and are 100 MB each': overlapping(large),
    '100 MB of zeros': one(large, { deflate: true }),
    'a thousand arrays': many(1_000, index => ({ name: `x${index}.npy`, data: array })),
  }
}
