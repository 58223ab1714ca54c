import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { constants, deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { openDataset } from '../../../src/evaluate/datasets/dataset.ts'
import { describeDataset } from '../../../src/evaluate/datasets/describe-dataset.ts'
import { stopwatch } from '../../support/processor-time.ts'
import { fixture, outcome, readFiles } from './dataset-fixtures.ts'
import { temporaryFiles } from './temporary-files.ts'
import { npyOf, zipFile } from './zip-file.ts'

const file = temporaryFiles()

describe('truncations', () => {
  test.each(['stored.npz', 'compressed.npz', 'dtypes.npz', 'strings.npz', 'extras.npz'])(
    '%s, at every 50th byte',
    async name => {
      const bytes = readFileSync(fixture(name).path)
      for (let length = 0; length < bytes.byteLength; length += 50) {
        expect(await outcome([file(name, bytes.subarray(0, length))]), `${length}`).toBe('TUREEN_DATASET_MALFORMED')
      }
    },
  )

  test.each(['raw-f4', 'typed-i8', 'typed-f2', 'strings'])('%s.pb, at every byte', async name => {
    const bytes = readFileSync(fixture(`tensors/${name}.pb`).path)
    for (let length = 0; length < bytes.byteLength; length += 1) {
      const result = await outcome([file('input_0.pb', bytes.subarray(0, length))])
      // The name stands last, and a tensor without a name is one all the same.
      if (result !== null) expect(result, `${length}`).toBe('TUREEN_DATASET_MALFORMED')
    }
  })
})

test('a case of ten times as many tensors costs about ten times as much', async () => {
  const { path } = fixture('tensors/scalar.pb')
  const costOf = async (count: number) => {
    const files = Array.from({ length: count }, (_, index) => ({ name: `input_${index}.pb`, path }))
    const cost = stopwatch()
    await describeDataset(files)
    return cost()
  }
  await costOf(1000)
  const [few, many] = [await costOf(1000), await costOf(10_000)]
  // If each tensor looked at all others, it would be 50 times as much.
  expect(many).toBeLessThan(25 * few)
})

test('arrays that cannot be used count among those of all files', async () => {
  const entry = { data: new Uint8Array(0), claims: { method: 12 } }
  const entries = Array.from({ length: 1000 }, (_, index) => ({ name: `${index}.npy`, ...entry }))
  const { path } = file('unusable.npz', zipFile(entries))
  const files = Array.from({ length: 101 }, (_, index) => ({ name: `${index}.npz`, path }))
  await expect(describeDataset(files)).rejects.toMatchObject({
    code: 'TUREEN_DATASET_UNSUPPORTED',
    message: expect.stringMatching(/more than 100000 arrays together/),
  })
})

describe('bombs', () => {
  const megabytes = 2 ** 20
  const zeros = deflateRawSync(new Uint8Array(32 * megabytes))
  /** An array whose file says more bytes than the 32 MiB that come. */
  const bomb = (shape: readonly [number, number], bytes: number) => {
    const data = npyOf('<f4', shape, new Uint8Array(0))
    const claims = { bytes: data.byteLength + bytes }
    const stored = Buffer.concat([deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }), zeros])
    return file('bomb.npz', zipFile([{ name: 'x.npy', data, deflate: true, stored, claims, zip64: true }]))
  }

  test('an entry that inflates to more than it says is inflated no further', async () => {
    const data = npyOf('<f4', [4], new Uint8Array(16))
    const stored = deflateRawSync(Buffer.concat([data, randomBytes(4 * megabytes)]))
    const bomb = [file('bomb.npz', zipFile([{ name: 'x.npy', data, deflate: true, stored }]))]
    const dataset = await openDataset(bomb)
    await expect(dataset.batches(['x'], 1).next()).rejects.toMatchObject({
      code: 'TUREEN_DATASET_MALFORMED',
      message: 'The array x inflates to more bytes than the file says. Save it again.',
    })
    expect(dataset.bytesRead).toBeLessThan(megabytes)
    await dataset.close()
  })

  test('an entry that says terabytes is read as far as it comes', async () => {
    const file = bomb([2 ** 20, 2 ** 20], 2 ** 42)
    expect((await describeDataset([file])).samples).toBe(2 ** 20)
    const dataset = await openDataset([file])
    let samples = 0
    const reading = async () => {
      for await (const batch of dataset.batches(['x'], 1)) samples += batch.samples
    }
    await expect(reading()).rejects.toMatchObject({ code: 'TUREEN_DATASET_MALFORMED' })
    expect(samples).toBe(8)
    await dataset.close()
  })

  test('memory is taken as bytes arrive', async () => {
    const dataset = await openDataset([bomb([1, 2 ** 28], 1024 * megabytes)])
    const samples = [process.memoryUsage().arrayBuffers]
    const watch = setInterval(() => samples.push(process.memoryUsage().arrayBuffers), 1)
    await expect(dataset.batches(['x'], 1).next()).rejects.toMatchObject({
      code: 'TUREEN_DATASET_MALFORMED',
      message: 'The array x is damaged: it inflates to fewer bytes than the file says. Save it again.',
    })
    clearInterval(watch)
    samples.push(process.memoryUsage().arrayBuffers)
    // Memory of earlier tests may be freed meanwhile, so growth counts from the least.
    const growth = Math.max(...samples) - Math.min(...samples)
    expect(growth).toBeGreaterThan(0)
    expect(growth).toBeLessThan(256 * megabytes)
    await dataset.close()
  })

  test('300 entries over the same bytes', async () => {
    const data = npyOf('<f4', [2 ** 22, 4], new Uint8Array(0))
    const claims = { bytes: data.byteLength + 64 * megabytes, offset: 0 }
    const stored = Buffer.concat([deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }), zeros])
    const entries = Array.from({ length: 300 }, (_, index) => ({
      name: `${index}.npy`,
      data,
      deflate: true,
      stored: index === 0 ? stored : new Uint8Array(0),
      claims: { ...claims, storedBytes: stored.byteLength },
    }))
    const bomb = [file('bomb.npz', zipFile(entries))]
    const { arrays } = await describeDataset(bomb)
    expect(arrays).toHaveLength(300)
  })
})

describe('lies', () => {
  const data = npyOf('<f4', [2, 2], new Uint8Array(16))
  test.each([
    ['entries that are not there', zipFile([{ name: 'a.npy', data }], { entryCount: 3 })],
    ['more entries than a file can have', zipFile([{ name: 'a.npy', data }], { entryCount: 900 })],
    ['an endless number of entries', zipFile([{ name: 'a.npy', data }], { entryCount: 2 ** 60, zip64: true })],
    ['a huge shape', zipFile([{ name: 'a.npy', data: npyOf('<f4', [2 ** 50], new Uint8Array(16)) }])],
    ['a negative shape', zipFile([{ name: 'a.npy', data: npyOf('<f4', [-2], new Uint8Array(16)) }])],
    ['a short shape', zipFile([{ name: 'a.npy', data: npyOf('<f4', [1], new Uint8Array(16)) }])],
    [
      'a size beyond the file',
      zipFile([{ name: 'a.npy', data, claims: { bytes: 2 ** 40, storedBytes: 2 ** 40 }, zip64: true }]),
    ],
    [
      'a deflated size beyond the file',
      zipFile([{ name: 'a.npy', data, deflate: true, claims: { storedBytes: 10_000 } }]),
    ],
    ['fewer deflated bytes', zipFile([{ name: 'a.npy', data, deflate: true, claims: { storedBytes: 9 } }])],
    ['a character beyond Unicode', zipFile([{ name: 'a.npy', data: npyOf('<U1', [1], Uint8Array.of(0, 0, 0x11, 0)) }])],
    ['a surrogate', zipFile([{ name: 'a.npy', data: npyOf('<U1', [1], Uint8Array.of(0, 0xd8, 0, 0)) }])],
  ])('%s', async (_, zip) => {
    for (const memoryBytes of [undefined, 0]) expect(await outcome([file('lie.npz', zip)], memoryBytes)).not.toBe(null)
  })

  test('any byte but 0 is true', async () => {
    const flags = npyOf('|b1', [4], Uint8Array.of(0, 1, 2, 255))
    const whole = await readFiles([file('flags.npz', zipFile([{ name: 'a.npy', data: flags }]))], 4)
    expect(whole.get('a')?.base64).toBe(Buffer.of(0, 1, 1, 1).toString('base64'))
  })
})
