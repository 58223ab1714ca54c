import { defaultMemoryBytes } from './dataset-limits.ts'
import type { Dataset, DatasetDescription, DatasetFile } from './dataset-types.ts'
import { kindOf } from './file-kinds.ts'
import { openNpzDataset } from './npz-dataset.ts'
import { openTestDataSet } from './test-data-set.ts'

const readAheadBytes = 4 * 1024 * 1024

/**
 * What a data set holds, checked. One whose elements take at most `defaultMemoryBytes` is read through, so that damage is refused here
 * and not in a later job; of a larger one only what describes the arrays is read: some kilobytes an array.
 *
 * @throws TureenError `TUREEN_DATASET_MALFORMED` or `TUREEN_DATASET_UNSUPPORTED`, naming file or array and what to do
 */
export async function describeDataset(files: readonly DatasetFile[]): Promise<DatasetDescription> {
  const kind = await kindOf(files)
  const reading = { memoryBytes: defaultMemoryBytes, keep: false }
  const dataset = kind === 'npz' ? await openNpzDataset(files, reading) : await openTestDataSet(files, reading)
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
