import type { Dataset, DatasetDescription, DatasetFile } from './dataset-types.ts'
import { openNpzDataset, type Reading } from './npz-dataset.ts'
import { parseTensorFileName } from './test-cases.ts'

/** How the files of one kind of data set are recognised, opened and bound. */
type DatasetKind<Kind> = {
  kind: Kind
  /** True if the first 256 bytes of a file, as Latin-1, show the kind; absent if only names do. */
  hasStart?(text: string): boolean
  /** True if the name of a file shows the kind; absent if only first bytes do. */
  hasName?(name: string): boolean
  /** The ending of its files, in refusals. */
  ending: string
  /** The names of its files, in refusals. */
  fileNames: readonly string[]
  /** One of its files in words, after "is neither" or "nor". */
  words: string
  open(files: readonly DatasetFile[], reading: Reading): Promise<Dataset>
  /** True if a request chooses arrays and batch size, so that one array that cannot be used does not matter; false if the files say both. */
  byRequest: boolean
}

/** The kinds of data sets. */
export const datasetKinds: { readonly [Kind in DatasetDescription['kind']]: DatasetKind<Kind> } = {
  npz: {
    kind: 'npz',
    hasStart: text => text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06'),
    ending: '.npz',
    fileNames: ['*.npz'],
    words: 'an .npz file',
    open: openNpzDataset,
    byRequest: true,
  },
  testDataSet: {
    kind: 'testDataSet',
    hasName: name => parseTensorFileName(name) !== undefined,
    ending: '.pb',
    fileNames: ['input_N.pb', 'output_N.pb'],
    words: "called input_N.pb or output_N.pb, as the tensors of ONNX's test data are",
    // Few data sets are of this kind, and its modules would take a sixth of an evaluator's start.
    open: async (files, reading) => (await import('./test-data-set.ts')).openTestDataSet(files, reading),
    byRequest: false,
  },
}
