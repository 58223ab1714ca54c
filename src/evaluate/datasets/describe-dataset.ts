import { openByKind } from './dataset-kinds.ts'
import { defaultMemoryBytes } from './dataset-limits.ts'
import type { Dataset, DatasetDescription, DatasetFile } from './dataset-types.ts'

const readAheadBytes = 4 * 1024 * 1024

/**
 * Checks a data set and returns its description. It reads all elements if they take at most `defaultMemoryBytes`, to refuse damage now
 * instead of in a later job. Of a larger data set it reads only the headers of the arrays.
 *
 * @throws TureenError `TUREEN_DATASET_MALFORMED` or `TUREEN_DATASET_UNSUPPORTED`, with the file or array and what to do
 */
export async function describeDataset(files: readonly DatasetFile[]): Promise<DatasetDescription> {
  const dataset = await openByKind(files, { memoryBytes: defaultMemoryBytes, keep: false })
  try {
    if (dataset.byteLength <= defaultMemoryBytes) await readThrough(dataset)
    return dataset.description
  } finally {
    await dataset.close()
  }
}

async function readThrough(dataset: Dataset): Promise<void> {
  const { description, byteLength } = dataset
  const names = description.arrays.map(({ name }) => name)
  const sampleBytes = Math.max(1, byteLength / Math.max(1, description.samples))
  const batchSize = Math.max(1, Math.floor(readAheadBytes / sampleBytes))
  for await (const _ of dataset.batches(names, batchSize));
}
