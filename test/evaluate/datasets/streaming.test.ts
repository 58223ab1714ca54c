import { readdirSync, readlinkSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type ArrayValues, type Dataset, openDataset } from '../../../src/evaluate/datasets/dataset.ts'
import { expectedArrays, fixture, readWhole } from './dataset-fixtures.ts'
import { temporaryFiles } from './temporary-files.ts'
import { npyOf, zipFile } from './zip-file.ts'

const file = temporaryFiles()
const samples = 2000
const width = 1024
const image = new Float32Array(samples * width)
for (let index = 0; index < image.length; index += 1) image[index] = (index * 0x9e3779b1) % 8191
const label = BigInt64Array.from({ length: samples }, (_, index) => BigInt(index))
const bytesOf = (array: Float32Array | BigInt64Array) => new Uint8Array(array.buffer)
const entries = [
  { name: 'image.npy', data: npyOf('<f4', [samples, width], bytesOf(image)) },
  { name: 'label.npy', data: npyOf('<i8', [samples], bytesOf(label)) },
]
const megabytes = 2 ** 20

/** Checks every element of every batch, and gives the bytes that had been read when each came. */
async function check(dataset: Dataset, batchSize: number): Promise<number[]> {
  const read: number[] = []
  let first = 0
  for await (const batch of dataset.batches(['image', 'label'], batchSize)) {
    const end = first + batch.samples
    expectSame(batch.values.get('image'), image.subarray(first * width, end * width), [end - first, width])
    expectSame(batch.values.get('label'), label.subarray(first, end), [end - first])
    read.push(dataset.bytesRead)
    first = end
  }
  expect(first).toBe(samples)
  return read
}

/** Bytes, because comparing typed arrays element by element takes vitest seconds. */
function expectSame(values: ArrayValues | undefined, data: Float32Array | BigInt64Array, dims: number[]): void {
  if (!values || Array.isArray(values.data)) throw new Error('the array is not there')
  expect(values.dims).toEqual(dims)
  const [actual, expected] = [values.data, data].map(view => Buffer.from(view.buffer, view.byteOffset, view.byteLength))
  expect(expected && actual?.equals(expected)).toBe(true)
}

/** How many open descriptors of this process are of a file. Node ends a process that leaves one to the garbage collector. */
function descriptorsOf(path: string): number {
  const directory = '/proc/self/fd'
  return readdirSync(directory).filter(descriptor => {
    try {
      return readlinkSync(`${directory}/${descriptor}`) === path
    } catch {
      return false
    }
  }).length
}

describe.each([
  ['stored', false],
  ['deflated', true],
])('a set larger than memory, %s', (_, deflate) => {
  const large = file('large.npz', zipFile(entries.map(entry => ({ ...entry, deflate }))))
  const options = { memoryBytes: megabytes }

  test('is read batch by batch, and again every time', async () => {
    const dataset = await openDataset([large], options)
    expect(dataset.byteLength).toBe(image.byteLength + label.byteLength)
    const opened = dataset.bytesRead
    expect(opened).toBeLessThan(300_000)
    const read = await check(dataset, 100)
    const total = (read.at(-1) ?? 0) - opened
    for (const [batch, bytes] of read.entries()) {
      expect(bytes - opened).toBeLessThan((total * (batch + 1)) / read.length + 400_000)
    }
    await check(dataset, 333)
    expect(dataset.bytesRead - (read.at(-1) ?? 0)).toBeGreaterThan(total * 0.95)
    await dataset.close()
  })

  test('is read no further than the limit', async () => {
    const dataset = await openDataset([large], options)
    let last = 0
    for await (const { samples: size } of dataset.batches(['image'], 64, 100)) last = size
    expect(last).toBe(36)
    expect(dataset.bytesRead).toBeLessThan(megabytes)
    await dataset.close()
  })

  test('leaves nothing open when it is left, or closed while it is being read', async () => {
    const dataset = await openDataset([large], options)
    for await (const _ of dataset.batches(['image', 'label'], 10)) break
    expect(descriptorsOf(large.path)).toBe(0)
    const abandoned = dataset.batches(['image', 'label'], 10)
    await abandoned.next()
    expect(descriptorsOf(large.path)).toBe(2)
    const closed = dataset.close()
    await expect(abandoned.next()).rejects.toThrow()
    await closed
    expect(descriptorsOf(large.path)).toBe(0)
    await expect(dataset.batches(['image'], 10).next()).rejects.toThrow('closed')
  })

  test('can be read by two at once', async () => {
    const dataset = await openDataset([large], options)
    await Promise.all([check(dataset, 500), check(dataset, 700)])
    await dataset.close()
  })
})

describe('a set that fits into memory', () => {
  test('is read once', async () => {
    const dataset = await openDataset([file('small.npz', zipFile(entries))])
    await check(dataset, 100)
    const { bytesRead } = dataset
    await check(dataset, 64)
    expect(dataset.bytesRead).toBe(bytesRead)
    await dataset.close()
  })

  test('reads only the arrays that are asked for', async () => {
    const dataset = await openDataset([file('small.npz', zipFile(entries))])
    for await (const { values } of dataset.batches(['label'], 100)) expect([...values.keys()]).toEqual(['label'])
    expect(dataset.bytesRead).toBeLessThan(100_000)
    await dataset.close()
  })

  test('gives constants with every batch, and the same array once', async () => {
    const dataset = await openDataset([fixture('constants.npz')])
    for await (const { values } of dataset.batches(['scale', 'x', 'x'], 2)) {
      expect([...values.keys()].sort()).toEqual(['scale', 'x'])
      expect(values.get('scale')).toEqual({ dtype: 'float32', dims: [], data: Float32Array.of(0.25) })
    }
    expect(await readWhole(dataset, 2)).toEqual(expectedArrays('constants.npz'))
    await dataset.close()
  })
})

describe('requests that cannot be met', () => {
  test('an array that is not there is refused with those that are', async () => {
    const dataset = await openDataset([fixture('stored.npz')])
    await expect(dataset.batches(['images'], 1).next()).rejects.toMatchObject({
      code: 'TUREEN_DATASET_MISMATCH',
      message: 'The data set has no array images. It has: image, label.',
    })
    await expect(dataset.batches(['image'], 0).next()).rejects.toThrow(RangeError)
    await dataset.close()
  })

  test('a batch that would not fit is refused with the size that does', async () => {
    const header = npyOf('<U1000', [600_000], new Uint8Array(0))
    const claims = { bytes: header.byteLength + 600_000 * 4000 }
    const zip = zipFile([{ name: 'text.npy', data: header, deflate: true, claims }])
    const dataset = await openDataset([file('text.npz', zip)])
    await expect(dataset.batches(['text'], 600_000).next()).rejects.toMatchObject({
      code: 'TUREEN_DATASET_UNSUPPORTED',
      message: expect.stringMatching(/batch of 600000 samples .* batch size of at most 266305/),
    })
    await expect(dataset.batches(['text'], 10).next()).rejects.toMatchObject({ code: 'TUREEN_DATASET_MALFORMED' })
    await dataset.close()
  })
})
