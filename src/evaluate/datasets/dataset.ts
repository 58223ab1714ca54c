import { defaultMemoryBytes } from './dataset-limits.ts'
import type { Dataset, DatasetFile } from './dataset-types.ts'
import { openByKind } from './open-by-kind.ts'

export type { ArrayValues } from './array-values.ts'
export type { ArrayDescription, DataBatch, Dataset, DatasetDescription, DatasetFile } from './dataset-types.ts'

/** `memoryBytes`: most bytes of elements that stay in memory after they are read. Arrays beyond that are read from disk each time. */
export type DatasetOptions = { memoryBytes?: number }

/**
 * Opens a data set of one or several files. They are npz files with the same arrays, which are joined along their first axis in the given
 * order, or ONNX's input_N.pb and output_N.pb. It reads the headers of the arrays and no elements.
 *
 * @throws TureenError `TUREEN_DATASET_MALFORMED` or `TUREEN_DATASET_UNSUPPORTED`, with the file or array and what to do
 */
export async function openDataset(
  files: readonly DatasetFile[],
  { memoryBytes = defaultMemoryBytes }: DatasetOptions = {},
): Promise<Dataset> {
  return openByKind(files, { memoryBytes, keep: true })
}
