import { describe, expect, test } from 'vitest'
import { openDataset } from '../../../src/evaluate/datasets/dataset.ts'
import { describeDataset } from '../../../src/evaluate/datasets/describe-dataset.ts'
import { fixture } from './dataset-fixtures.ts'
import { temporaryFiles } from './temporary-files.ts'
import { npyFile, npyOf, zipFile } from './zip-file.ts'

const file = temporaryFiles()
const bytes = (length: number) => new Uint8Array(length)
const npz = (arrays: Record<string, Uint8Array>, name = 'set.npz') =>
  file(name, zipFile(Object.entries(arrays).map(([array, data]) => ({ name: `${array}.npy`, data }))))

const malformed = (message: RegExp) => ({ code: 'TUREEN_DATASET_MALFORMED', message: expect.stringMatching(message) })
const unsupported = (message: RegExp) => ({
  code: 'TUREEN_DATASET_UNSUPPORTED',
  message: expect.stringMatching(message),
})

describe('types that are not read are refused with what to do', () => {
  test.each([
    ['object', /array x .*Python objects.*np\.stack.*astype\(str\)/],
    ['structured', /array x is structured.*each field as an array/],
    ['complex', /array x .*complex.*x\.real and x\.imag/],
    ['datetime', /array x .*dates.*astype\(np\.int64\)/],
    ['timedelta', /array x .*time spans.*astype\(np\.int64\)/],
    ['void', /array x .*bfloat16.*astype\(np\.float32\)/],
    ['longdouble', /array x .*astype\(np\.float64\)/],
    ['latin1', /array x .*not UTF-8.*np\.char\.decode/],
  ])('%s', async (name, message) => {
    await expect(describeDataset([fixture(`refused-${name}.npz`)])).rejects.toMatchObject(unsupported(message))
  })

  test.each([
    ["'T16'", unsupported(/array x \(T16\) is of a type that is not read/)],
    ["'<f3'", unsupported(/array x/)],
    ["'<U0'", unsupported(/no width.*astype\('U1'\)/)],
    ["'<U1000000'", unsupported(/strings of 4000000 bytes/)],
    ["'<f4x'", unsupported(/array x/)],
    ["''", malformed(/type that NumPy does not have/)],
    ["('<f4', (2,))", unsupported(/structured/)],
  ])('descr %s', async (descr, error) => {
    const data = npyFile(`{'descr': ${descr}, 'fortran_order': False, 'shape': (1,), }`, bytes(4))
    await expect(describeDataset([npz({ x: data })])).rejects.toMatchObject(error)
  })
})

describe('arrays that do not make up a data set are refused', () => {
  const three = npyOf('<f4', [3, 2], bytes(24))
  const four = npyOf('<f4', [4, 2], bytes(32))
  test.each<[string, Record<string, Uint8Array>[], RegExp]>([
    ['only constants', [{ a: npyOf('<f4', [], bytes(4)) }], /no array with samples/],
    ['no arrays', [{}], /no array with samples/],
    [
      'a shard that lacks an array',
      [{ a: three, b: three }, { a: four }],
      /file 1\.npz lacks the array b, which 0\.npz has/,
    ],
    ['a shard with one more', [{ a: three }, { a: four, b: four }], /file 0\.npz lacks the array b, which 1\.npz has/],
    [
      'shards of other dims',
      [{ a: three }, { a: npyOf('<f4', [2, 3], bytes(24)) }],
      /array a is float32 \[2, 3\] in 1\.npz/,
    ],
    [
      'shards of other types',
      [{ a: three }, { a: npyOf('<i4', [3, 2], bytes(24)) }],
      /array a is int32 \[3, 2\] in 1\.npz/,
    ],
    ['shards of other rank', [{ a: three }, { a: npyOf('<f4', [3], bytes(12)) }], /array a is float32 \[3\] in 1\.npz/],
    [
      'constants that differ between shards',
      [
        { a: three, c: npyOf('<f8', [], bytes(8)) },
        { a: three, c: npyOf('<f8', [], new Uint8Array(Float64Array.of(2).buffer)) },
      ],
      /array c has no axes.* 0 in one file and 2 in another/,
    ],
  ])('%s', async (_, shards, message) => {
    const files = shards.map((arrays, index) => npz(arrays, `${index}.npz`))
    await expect(describeDataset(files)).rejects.toMatchObject(malformed(message))
  })

  test('an array in Fortran order that is larger than memory, when it is asked for', async () => {
    const dataset = await openDataset([fixture('fortran.npz')], { memoryBytes: 400 })
    const message = /array f4 is in Fortran order.*np\.ascontiguousarray\(f4\)/
    expect(dataset.description.unusable?.[0]?.reason).toMatch(message)
    await expect(dataset.batches(['f4'], 1).next()).rejects.toMatchObject(unsupported(message))
    // Alone, each of these fits.
    await expect(dataset.batches(['f8', 'U', 'S'], 1).next()).rejects.toMatchObject(
      unsupported(/array U is in Fortran order/),
    )
    await dataset.close()
  })

  test('more samples than can be', async () => {
    const data = npyOf('<f4', [2 ** 31, 0], bytes(0))
    await expect(describeDataset([npz({ a: data })])).rejects.toMatchObject(unsupported(/2147483648 samples/))
  })
})

describe('zip files that NumPy does not write', () => {
  const data = npyOf('<f4', [1], bytes(4))
  test.each<[string, Parameters<typeof zipFile>[0], object]>([
    [
      'one name twice',
      [
        { name: 'a.npy', data },
        { name: 'a.npy', data },
      ],
      malformed(/array a is there twice/),
    ],
    ['no name', [{ name: '.npy', data }], malformed(/no name/)],
    ['a long name', [{ name: `${'a'.repeat(2000)}.npy`, data }], unsupported(/name of 2004 bytes/)],
    ['bzip2', [{ name: 'a.npy', data, claims: { method: 12 } }], unsupported(/array a .*method 12.*np\.savez/)],
    [
      'encrypted',
      [{ name: 'a.npy', data, stored: bytes(data.byteLength + 12), claims: { flags: 0x801 } }],
      unsupported(/array a is encrypted/),
    ],
    [
      'not npy',
      [{ name: 'a.npy', data: Buffer.from('not an npy file') }],
      malformed(/array a is not in NumPy's npy format/),
    ],
    ['nothing', [{ name: 'a.npy', data: bytes(0) }], malformed(/array a is cut off/)],
    ['bad CRC', [{ name: 'a.npy', data, claims: { crc32: 1 } }], malformed(/array a is damaged: its checksum/)],
    ['bad CRC, deflated', [{ name: 'a.npy', data, deflate: true, claims: { crc32: 1 } }], malformed(/its checksum/)],
    [
      'not deflated',
      [{ name: 'a.npy', data, deflate: true, stored: bytes(9).fill(255) }],
      malformed(/array a is damaged/),
    ],
    [
      'beyond the end',
      [{ name: 'a.npy', data, claims: { offset: 9999 } }],
      malformed(/set\.npz is damaged or cut off/),
    ],
    [
      'far beyond the end',
      [{ name: 'a.npy', data, zip64: true, claims: { offset: 2 ** 62 } }],
      malformed(/set\.npz is damaged/),
    ],
    ['unsized', [{ name: 'a.npy', data, claims: { storedBytes: 10 } }], malformed(/set\.npz is damaged/)],
  ])('%s', async (_, entries, error) => {
    await expect(describeDataset([file('set.npz', zipFile(entries))])).rejects.toMatchObject(error)
  })

  test('more entries than arrays can be', async () => {
    const many = Array.from({ length: 1001 }, (_, index) => ({ name: `${index}.npy`, data }))
    await expect(describeDataset([file('set.npz', zipFile(many))])).rejects.toMatchObject(unsupported(/1001 entries/))
  })

  test('zip64, as above 4 GiB, is read', async () => {
    const zip = zipFile(
      [
        { name: 'a.npy', data, zip64: true },
        { name: 'b.npy', data, deflate: true, zip64: true },
      ],
      { zip64: true },
    )
    const { arrays } = await describeDataset([file('set.npz', zip)])
    expect(arrays.map(({ name }) => name)).toEqual(['a', 'b'])
  })
})

describe('files that are no data set are named', () => {
  test.each<[string, string, RegExp]>([
    ['x.npz', '', /x\.npz is empty/],
    ['x.npy', '\x93NUMPY\x01\x00', /single array.*np\.savez\(path, image=image/],
    ['x.npz', 'version https://git-lfs.github.com/spec/v1\n', /git lfs pull/],
    ['x.npz', '\x1f\x8b\x08', /gzip/],
    ['x.h5', '\x89HDF\r\n\x1a\n', /HDF5/],
    ['x.pkl', '\x80\x04\x95', /pickle.*np\.savez/],
    ['x.npz', '<!DOCTYPE html>', /HTML/],
    ['x.parquet', 'PAR1', /Parquet/],
    ['x.csv', 'a,b\n1,2\n', /neither an \.npz file nor called input_N\.pb/],
    ['tensor.pb', '\x08\x01', /nor called input_N\.pb/],
  ])('%s: %j', async (name, text, message) => {
    await expect(describeDataset([file(name, Buffer.from(text, 'latin1'))])).rejects.toMatchObject(malformed(message))
  })

  test('no files, and mixed files', async () => {
    await expect(describeDataset([])).rejects.toMatchObject(malformed(/no files/))
    const mixed = [fixture('stored.npz'), fixture('tensors/scalar.pb', 'input_0.pb')]
    await expect(describeDataset(mixed)).rejects.toMatchObject(malformed(/mixes/))
  })
})

describe('a zip entry with an unsafe name is refused, also one that is no array', () => {
  const array = npyOf('<f4', [1], bytes(4))
  test.each([
    ['../x.npy', /has \.\. in its name/],
    ['a/../../x.npy', /has \.\. in its name/],
    ['a\\..\\x.npy', /has \.\. in its name/],
    ['..', /has \.\. in its name/],
    ['../notes.txt', /has \.\. in its name/],
    ['__MACOSX/../x.npy', /has \.\. in its name/],
    ['/etc/x.npy', /an absolute path/],
    ['\\\\server\\x.npy', /an absolute path/],
    ['C:\\x.npy', /an absolute path/],
    ['x\0.npy', /a NUL character/],
    ['x.npy\0.txt', /a NUL character/],
    ['\ufffd.npy', /not UTF-8/],
  ])('%j', async (name, reason) => {
    const path = file(
      'unsafe.npz',
      zipFile([
        { name: 'y.npy', data: array },
        { name, data: array },
      ]),
    )
    await expect(describeDataset([path])).rejects.toMatchObject(malformed(reason))
  })

  test('bytes that are not UTF-8 where the directory says that they are', async () => {
    const zip = zipFile([
      { name: 'y.npy', data: array },
      { name: 'X.npy', data: array },
    ])
    zip.set([0xff], zip.lastIndexOf('X.npy'))
    await expect(describeDataset([file('broken.npz', zip)])).rejects.toMatchObject(malformed(/not UTF-8/))
  })

  test.each(['..x.npy', 'x...npy', 'a/b.npy', 'x:0.npy', 'größe.npy'])('but %s is a name', async name => {
    const path = file('plain.npz', zipFile([{ name, data: array }]))
    expect((await describeDataset([path])).arrays.map(each => each.name)).toEqual([name.replace('.npy', '')])
  })
})
