import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openDataset } from '../../../src/evaluate/datasets/dataset.ts'
import { describeDataset } from '../../../src/evaluate/datasets/describe-dataset.ts'
import { account, type Expected, fixture } from './dataset-fixtures.ts'
import { temporaryFiles } from './temporary-files.ts'
import { npyFile, npyOf, zipFile } from './zip-file.ts'

const file = temporaryFiles()
const bytes = (length: number) => new Uint8Array(length)
const x = npyOf('<f4', [3, 2], bytes(24))
const y = npyOf('<i8', [3], bytes(24))

/** What NumPy's own reader says of the archives: `usable` arrays, and `others` that it refuses or does not give as numbers or texts. */
const archives: Record<string, { usable: Record<string, Expected>; others: string[] }> = JSON.parse(
  readFileSync(fixture('archives.json').path, 'utf8'),
)

describe('an archive from elsewhere has the arrays that NumPy reads of it', () => {
  test.each(Object.entries(archives))('%s', async (name, { usable, others }) => {
    const { arrays, unusable = [] } = await describeDataset([fixture(name)])
    expect(arrays.map(array => array.name)).toEqual(Object.keys(usable))
    const ignored = others.filter(other => !unusable.some(each => each.name === other))
    expect(ignored).toEqual(others.filter(other => /\._|\.txt$/.test(other)))
    expect(unusable.every(each => others.includes(each.name) && each.reason.includes(each.name))).toBe(true)
    const dataset = await openDataset([fixture(name)])
    for (const [array, expected] of Object.entries(usable)) {
      const batch = (await dataset.batches([array], 100).next()).value
      const values = batch?.values.get(array)
      expect(values && account(values), array).toEqual(expected)
    }
    await dataset.close()
  })

  test.each([
    ['meta', /Python objects.*astype/],
    ['boxes', /structured.*each field/],
    ['spectrum', /complex.*x\.real/],
    ['taken', /dates/],
    ['notes', /not in NumPy's npy format/],
  ])('the reason why %s cannot be used is listed, and given to a reader that asks for it', async (name, reason) => {
    const { unusable = [] } = await describeDataset([fixture('beside-data.npz')])
    expect(unusable.find(each => each.name === name)?.reason).toMatch(reason)
    const dataset = await openDataset([fixture('beside-data.npz')])
    await expect(dataset.batches(['x', name], 2).next()).rejects.toMatchObject({
      message: expect.stringMatching(reason),
    })
    await dataset.close()
  })
})

describe('arrays with equally many samples belong together', () => {
  test('those that are asked for are read, whatever the others have', async () => {
    const dataset = await openDataset([fixture('train-and-test.npz')])
    expect(dataset.description.samples).toBe(6)
    expect(dataset.samplesOf(['x_test', 'y_test'])).toBe(2)
    const sizes: number[] = []
    for await (const { samples } of dataset.batches(['x_test', 'y_test'], 4)) sizes.push(samples)
    for await (const { samples } of dataset.batches(['x_train'], 4)) sizes.push(samples)
    expect(sizes).toEqual([2, 4, 2])
    await dataset.close()
  })

  test('arrays of different lengths are not read together', async () => {
    const dataset = await openDataset([fixture('train-and-test.npz')])
    await expect(dataset.batches(['x_train', 'y_test'], 4).next()).rejects.toMatchObject({
      code: 'TUREEN_DATASET_MISMATCH',
      message: expect.stringContaining('6 and 2 samples'),
    })
    await dataset.close()
  })

  test('the data set has the samples of most arrays, and the larger number of equally many', async () => {
    const samplesOf = async (...lengths: number[]) => {
      const entries = lengths.map((length, index) => ({
        name: `${index}.npy`,
        data: npyOf('|u1', [length], bytes(length)),
      }))
      return (await describeDataset([file('set.npz', zipFile(entries))])).samples
    }
    expect(await samplesOf(4, 4, 9)).toBe(4)
    expect(await samplesOf(4, 9)).toBe(9)
    expect(await samplesOf(9, 9, 4, 4)).toBe(9)
  })

  test('those that are asked for stay in memory, however large the others are', async () => {
    const dataset = await openDataset([fixture('train-and-test.npz')], { memoryBytes: 60 })
    expect(dataset.byteLength).toBeGreaterThan(100)
    const readAll = async (...names: string[]) => {
      const before = dataset.bytesRead
      for await (const _ of dataset.batches(names, 4));
      return dataset.bytesRead - before
    }
    expect(await readAll('x_test', 'y_test')).toBeGreaterThan(0)
    expect(await readAll('x_test', 'y_test')).toBe(0)
    // With these, more than 60 bytes would stay.
    expect(await readAll('x_train', 'y_train')).toBeGreaterThan(0)
    expect(await readAll('x_train', 'y_train')).toBeGreaterThan(0)
    expect(await readAll('x_test', 'y_test')).toBe(0)
    await dataset.close()
  })

  test('shards are joined array by array', async () => {
    const shard = (name: string, train: number, held: number) =>
      file(
        name,
        zipFile([
          {
            name: 'x.npy',
            data: npyOf(
              '|u1',
              [train],
              Uint8Array.from({ length: train }, (_, at) => at),
            ),
          },
          {
            name: 'held.npy',
            data: npyOf(
              '|u1',
              [held],
              Uint8Array.from({ length: held }, (_, at) => 100 + at),
            ),
          },
        ]),
      )
    const dataset = await openDataset([shard('a.npz', 3, 1), shard('b.npz', 2, 2)])
    expect(dataset.description.arrays.map(({ dims }) => dims)).toEqual([[5], [3]])
    const held = (await dataset.batches(['held'], 10).next()).value
    expect([...(held?.values.get('held')?.data ?? [])]).toEqual([100, 100, 101])
    await dataset.close()
  })

  test('shards whose samples do not stand side by side are refused', async () => {
    const shard = (name: string, a: number, b: number) =>
      file(
        name,
        zipFile([
          { name: 'a.npy', data: npyOf('|u1', [a], bytes(a)) },
          { name: 'b.npy', data: npyOf('|u1', [b], bytes(b)) },
        ]),
      )
    await expect(describeDataset([shard('0.npz', 3, 4), shard('1.npz', 4, 3)])).rejects.toMatchObject({
      code: 'TUREEN_DATASET_MALFORMED',
      message: expect.stringMatching(/arrays a and b .* 3 and 4 \(in 0\.npz\)/),
    })
  })
})

describe('an array that cannot be used', () => {
  const object = npyFile("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", Buffer.from('\x80\x04.', 'latin1'))
  const latin1 = npyOf('|S5', [3], Buffer.from('größe'.repeat(3), 'latin1'))
  test.each<[string, Parameters<typeof zipFile>[0][number]]>([
    ['of no bytes', { name: 'z.npy', data: bytes(0) }],
    ['of pickled objects', { name: 'z.npy', data: object }],
    ['of text in another encoding', { name: 'z.npy', data: latin1 }],
    ['compressed by another method', { name: 'z.npy', data: x, claims: { method: 12 } }],
    [
      'with 33 axes',
      {
        name: 'z.npy',
        data: npyOf(
          '|u1',
          Array.from({ length: 33 }, () => 1),
          bytes(1),
        ),
      },
    ],
    ['with more samples than can be', { name: 'z.npy', data: npyOf('<f4', [2 ** 31, 0], bytes(0)) }],
  ])('%s does not keep the others from use', async (_, entry) => {
    const zip = zipFile([{ name: 'x.npy', data: x }, entry, { name: 'y.npy', data: y }])
    const { arrays, unusable, samples } = await describeDataset([file('set.npz', zip)])
    expect({ names: arrays.map(({ name }) => name), samples }).toEqual({ names: ['x', 'y'], samples: 3 })
    expect(unusable?.map(({ name }) => name)).toEqual(['z'])
  })

  test('in one shard is used of none', async () => {
    const shards = [x, object].map((z, index) =>
      file(
        `${index}.npz`,
        zipFile([
          { name: 'x.npy', data: x },
          { name: 'z.npy', data: z },
        ]),
      ),
    )
    const { arrays, unusable } = await describeDataset(shards)
    expect(arrays).toEqual([{ name: 'x', dtype: 'float32', dims: [6, 2] }])
    expect(unusable?.map(({ name }) => name)).toEqual(['z'])
  })

  test('of damaged bytes is refused with the whole file, since other bytes may be damaged, too', async () => {
    const zip = zipFile([
      { name: 'x.npy', data: x },
      { name: 'z.npy', data: y, claims: { crc32: 1 } },
    ])
    await expect(describeDataset([file('set.npz', zip)])).rejects.toMatchObject({ code: 'TUREEN_DATASET_MALFORMED' })
  })
})

describe('bytes around a zip file', () => {
  const zip = zipFile([
    { name: 'x.npy', data: x },
    { name: 'y.npy', data: y },
  ])
  test.each([
    ['a line end', Buffer.from('\n')],
    ['the end of a form', Buffer.from('\r\n--boundary--\r\n')],
    ['64 KiB of zeros', Buffer.alloc(65_536)],
  ])('%s, are ignored', async (_, tail) => {
    const padded = file('set.npz', Buffer.concat([zip, tail]))
    expect(await describeDataset([padded])).toEqual(await describeDataset([file('set.npz', zip)]))
  })

  test('zip64, as above 4 GiB, with bytes after it', async () => {
    const wide = zipFile([{ name: 'x.npy', data: x, zip64: true }], { zip64: true })
    const { arrays } = await describeDataset([file('set.npz', Buffer.concat([wide, bytes(100)]))])
    expect(arrays.map(({ name }) => name)).toEqual(['x'])
  })

  test("a zip file after other bytes, of which it is the last one, as in Python's zipfile", async () => {
    const single = (name: string) => zipFile([{ name: `${name}.npy`, data: x }])
    const { arrays } = await describeDataset([
      file('set.npz', Buffer.concat([single('first'), single('last'), bytes(9)])),
    ])
    expect(arrays.map(({ name }) => name)).toEqual(['last'])
  })

  test('more than 64 KiB are refused', async () => {
    const padded = file('set.npz', Buffer.concat([zip, Buffer.alloc(65_537)]))
    await expect(describeDataset([padded])).rejects.toMatchObject({ code: 'TUREEN_DATASET_MALFORMED' })
  })
})
