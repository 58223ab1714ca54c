import { datasetLimits } from './dataset-limits.ts'
import type { NpzArray } from './npz-arrays.ts'
import { mismatchedDataset, unsupportedDataset } from './refusals.ts'

/** Returns the arrays with these names, each once. @throws TureenError as {@link pickArray} */
export function pickArrays<Item>(arrays: ReadonlyMap<string, Item>, names: readonly string[]): Item[] {
  return [...new Set(names)].map(name => pickArray(arrays, name))
}

/** Returns the array with a name. @throws TureenError `TUREEN_DATASET_MISMATCH` for a name that no array has */
export function pickArray<Item>(arrays: ReadonlyMap<string, Item>, name: string): Item {
  const array = arrays.get(name)
  if (array) return array
  throw mismatchedDataset(`The data set has no array ${name}. It has: ${[...arrays.keys()].join(', ')}.`, {
    tensor: name,
    expected: [...arrays.keys()].join(', '),
  })
}

/**
 * Returns the number of samples of the arrays that have some; undefined if none has.
 * @throws TureenError `TUREEN_DATASET_MISMATCH` if their numbers differ
 */
export function requireOneLength(arrays: readonly { name: string; dims: readonly number[] }[]): number | undefined {
  const [first, ...others] = arrays.filter(({ dims }) => dims.length > 0)
  const samples = first?.dims[0]
  const other = others.find(({ dims }) => dims[0] !== samples)
  if (!first || !other) return samples
  throw mismatchedDataset(
    `The arrays ${first.name} and ${other.name} do not belong together: they have ${samples} and ${other.dims[0]} samples. Name arrays with equally many samples.`,
    { tensor: other.name, expected: `${samples} samples`, actual: `${other.dims[0]} samples` },
  )
}

/**
 * Returns the arrays with these names, after it has checked that their batches fit the memory limit.
 * @throws TureenError `TUREEN_DATASET_MISMATCH`, `TUREEN_DATASET_UNSUPPORTED`
 * @throws RangeError if the size is not a positive integer
 */
export function requireBatch(
  arrays: ReadonlyMap<string, NpzArray>,
  names: readonly string[],
  batchSize: number,
): NpzArray[] {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw new RangeError(`a batch cannot have ${batchSize} samples`)
  const picked = pickArrays(arrays, names)
  const sampleBytes = picked.reduce((sum, array) => sum + bytesPerSample(array), 0)
  const samples = Math.min(batchSize, picked.find(({ dims }) => dims.length > 0)?.dims[0] ?? 0)
  if (samples * sampleBytes > datasetLimits.batchBytes) {
    const most = Math.floor(datasetLimits.batchBytes / sampleBytes)
    const advice =
      most > 0
        ? `Ask for a batch size of at most ${most}.`
        : 'A single sample is beyond it: save the data as smaller samples.'
    throw unsupportedDataset(
      `A batch of ${samples} samples takes ${samples * sampleBytes} bytes in memory; ${datasetLimits.batchBytes} is the limit. ${advice}`,
      {
        field: 'batchSize',
        expected: `${datasetLimits.batchBytes} bytes at most`,
        actual: `${samples * sampleBytes} bytes`,
      },
    )
  }
  return picked
}

function bytesPerSample({ dims, dtype, shards }: NpzArray): number {
  if (dims.length === 0) return 0
  const elements = dims.slice(1).reduce((product, dim) => product * dim, 1)
  const widest = shards.reduce((most, { header }) => Math.max(most, header.element.bytes), 0)
  return elements * (widest + (dtype === 'string' ? datasetLimits.stringBytes : 0))
}
