import { describe, expect, test } from 'vitest'
import { openDataset } from '../../../src/evaluate/datasets/dataset.ts'
import { describeDataset } from '../../../src/evaluate/datasets/describe-dataset.ts'
import { digits, expectedArrays, fixture, readFiles } from './dataset-fixtures.ts'

const files = [
  'stored.npz',
  'compressed.npz',
  'dtypes.npz',
  'big-endian.npz',
  'strings.npz',
  'fortran.npz',
  'constants.npz',
  'no-elements.npz',
  'names.npz',
  'versions.npz',
  'extras.npz',
]

/** The whole in one, single samples, and a size that divides nothing; held in memory, and read as needed. */
const readings = [100, 1, 3].flatMap(batchSize => [
  { batchSize, memory: 'held in memory', memoryBytes: undefined },
  { batchSize, memory: 'read as needed', memoryBytes: 0 },
])

/** The least memory that takes the arrays in Fortran order; less than the whole set needs. */
function fortranBytes(name: string): number {
  const bytes: Record<string, number> = { 'fortran.npz': 480 + 280 + 60 + 45 + 180 + 135, shards: 96 }
  return bytes[name] ?? 0
}

describe('npz files hold what NumPy says they hold', () => {
  describe.each(readings)('in batches of $batchSize, $memory', ({ batchSize, memoryBytes }) => {
    test.each(files)('%s', async name => {
      const memory = memoryBytes === 0 ? fortranBytes(name) : memoryBytes
      expect(await readFiles([fixture(name)], batchSize, memory)).toEqual(expectedArrays(name))
    })
    test('three shards, with other widths, byte orders and axis orders', async () => {
      const shards = ['shard-0.npz', 'shard-1.npz', 'shard-2.npz'].map(name => fixture(name))
      const memory = memoryBytes === 0 ? fortranBytes('shards') : memoryBytes
      expect(await readFiles(shards, batchSize, memory)).toEqual(expectedArrays('shards'))
    })
  })

  test.each([...files, 'empty.npz'])('%s is described', async name => {
    const { kind, samples, arrays } = await describeDataset([fixture(name)])
    const expected = expectedArrays(name)
    expect(kind).toBe('npz')
    expect(arrays).toEqual([...expected.keys()].map(array => ({ name: array, ...shapeOf(expected.get(array)) })))
    expect(samples).toBe(arrays.find(({ dims }) => dims.length > 0)?.dims[0])
  })

  test('a set without samples has no batches', async () => {
    expect(await readFiles([fixture('empty.npz')], 8)).toEqual(new Map())
  })

  test('shards have the dims of the whole', async () => {
    const description = await describeDataset(['shard-2.npz', 'shard-1.npz', 'shard-0.npz'].map(name => fixture(name)))
    expect(description.samples).toBe(7)
    expect(description.arrays).toEqual([
      { name: 'image', dtype: 'float32', dims: [7, 2, 3] },
      { name: 'label', dtype: 'int64', dims: [7] },
      { name: 'word', dtype: 'string', dims: [7] },
      { name: 'scale', dtype: 'float64', dims: [] },
    ])
  })
})

function shapeOf(array: { dtype: string; dims: number[] } | undefined) {
  return { dtype: array?.dtype, dims: array?.dims }
}

describe('the digits of the examples', () => {
  test.each([
    ['val.npz', 500],
    ['test.npz', 597],
  ])('%s has %i samples', async (name, samples) => {
    expect(await describeDataset([digits(name)])).toEqual({
      kind: 'npz',
      samples,
      arrays: [
        { name: 'image', dtype: 'float32', dims: [samples, 1, 8, 8] },
        { name: 'label', dtype: 'int64', dims: [samples] },
      ],
    })
  })

  test('both, as shards of one set', async () => {
    const shards = ['val.npz', 'test.npz'].map(digits)
    const dataset = await openDataset(shards)
    const sizes: number[] = []
    for await (const { samples, values } of dataset.batches(['label'], 300)) {
      sizes.push(samples)
      expect(values.get('label')?.data.length).toBe(samples)
      expect([...values.keys()]).toEqual(['label'])
    }
    expect(sizes).toEqual([300, 300, 300, 197])
    await dataset.close()
  })
})
