import type { Dataset, DatasetDescription, DatasetFile } from './dataset-types.ts'
import { kindOf } from './file-kinds.ts'
import { openNpzDataset, type Reading } from './npz-dataset.ts'
import { openTestDataSet } from './test-data-set.ts'

/** The function that opens a data set of each kind. */
const openers: Readonly<
  Record<DatasetDescription['kind'], (files: readonly DatasetFile[], reading: Reading) => Promise<Dataset>>
> = { npz: openNpzDataset, testDataSet: openTestDataSet }

/** Opens files as the kind of data set that they are. @throws TureenError as {@link kindOf} and the functions that open do */
export async function openByKind(files: readonly DatasetFile[], reading: Reading): Promise<Dataset> {
  return openers[await kindOf(files)](files, reading)
}
