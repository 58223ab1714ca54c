import type { Dataset, DatasetDescription, DatasetFile } from './dataset-types.ts'
import { kindOf } from './file-kinds.ts'
import { openNpzDataset, type Reading } from './npz-dataset.ts'

/** Opens ONNX's own test data. Few data sets are of this kind, and its modules would take a sixth of an evaluator's start. */
const openTestDataSet = async (files: readonly DatasetFile[], reading: Reading): Promise<Dataset> =>
  (await import('./test-data-set.ts')).openTestDataSet(files, reading)

/** The function that opens a data set of each kind. */
const openers: Readonly<
  Record<DatasetDescription['kind'], (files: readonly DatasetFile[], reading: Reading) => Promise<Dataset>>
> = { npz: openNpzDataset, testDataSet: openTestDataSet }

/** Opens files as the kind of data set that they are. @throws TureenError as {@link kindOf} and the functions that open do */
export async function openByKind(files: readonly DatasetFile[], reading: Reading): Promise<Dataset> {
  return openers[await kindOf(files)](files, reading)
}
