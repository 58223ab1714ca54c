import { datasetKinds } from './dataset-kinds.ts'
import type { Dataset, DatasetFile } from './dataset-types.ts'
import { kindOf } from './file-kinds.ts'
import type { Reading } from './npz-dataset.ts'

/** Opens files as the kind of data set that they are. @throws TureenError as {@link kindOf} and the functions that open do */
export async function openByKind(files: readonly DatasetFile[], reading: Reading): Promise<Dataset> {
  return datasetKinds[await kindOf(files)].open(files, reading)
}
