import { datasetKinds } from './dataset-kinds.ts'
import { defaultMemoryBytes } from './dataset-limits.ts'
import type { Dataset, DatasetDescription, DatasetFile } from './dataset-types.ts'
import { commonSamples } from './npz-arrays.ts'
import { openByKind } from './open-by-kind.ts'
import { unsupportedOf } from './refusals.ts'
import type { UnusableArray } from './zip-directory.ts'

const readAheadBytes = 4 * 1024 * 1024

/**
 * Checks a data set and returns its description. It reads all elements if they take at most `defaultMemoryBytes`, to refuse damage now
 * instead of in a later job. Of a larger data set it reads only the headers of the arrays.
 *
 * @throws TureenError `TUREEN_DATASET_MALFORMED` or `TUREEN_DATASET_UNSUPPORTED`, with the file or array and what to do
 */
export async function describeDataset(files: readonly DatasetFile[]): Promise<DatasetDescription> {
  const dataset = await openByKind(files, { memoryBytes: defaultMemoryBytes, keep: false })
  const { description, byteLength } = dataset
  try {
    if (byteLength > defaultMemoryBytes) return description
    const unusable: UnusableArray[] = []
    for (const { name } of description.arrays) {
      const refusal = await unsupportedOf(() => readThrough(dataset, name))
      if (!refusal) continue
      if (!datasetKinds[description.kind].byRequest) throw refusal
      unusable.push({ name, refusal })
    }
    return unusable.length > 0 ? leaveOut(description, unusable) : description
  } finally {
    await dataset.close()
  }
}

async function readThrough(dataset: Dataset, name: string): Promise<void> {
  const sampleBytes = Math.max(1, dataset.byteLength / Math.max(1, dataset.samplesOf([name])))
  const batchSize = Math.max(1, Math.floor(readAheadBytes / sampleBytes))
  for await (const _ of dataset.batches([name], batchSize));
}

/** Returns a description in which these arrays cannot be used. @throws TureenError the first refusal if no array with samples remains */
function leaveOut(description: DatasetDescription, unusable: readonly UnusableArray[]): DatasetDescription {
  const arrays = description.arrays.filter(({ name }) => !unusable.some(each => each.name === name))
  const samples = commonSamples(arrays)
  if (samples === undefined && unusable[0]) throw unusable[0].refusal
  const reasons = unusable.map(({ name, refusal }) => ({ name, reason: refusal.message }))
  return {
    ...description,
    samples: samples ?? description.samples,
    arrays,
    unusable: [...(description.unusable ?? []), ...reasons],
  }
}
