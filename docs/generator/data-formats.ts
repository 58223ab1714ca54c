import { datasetLimits } from '../../src/evaluate/datasets/dataset-limits.ts'
import { impostors } from '../../src/evaluate/datasets/file-kinds.ts'
import { numericTypes, refusedTypes } from '../../src/evaluate/datasets/npy-element.ts'
import { code, page, table } from './markdown.ts'

const number = (value: number) => value.toLocaleString('en-US')

/** Returns the page of the files of a data set, with supported element types, and the conversion of the others. */
export function dataFormatsPage(): string {
  return page(
    'Data formats',
    'A data set is uploaded with `POST /v1/datasets`, in one of two forms.',
    '- **`.npz`**: one file, or several as shards. NumPy writes it with `np.savez` or `np.savez_compressed`. The first axis of each array counts samples. ' +
      'Shards hold the same arrays and are read in the order of the form.\n' +
      '- **`input_N.pb` and `output_N.pb`**: the test data of ONNX. Each directory is one case.',
    '## Element types of `.npz`',
    table(
      ['NumPy type', 'element type'],
      [...[...numericTypes].map(([descr, { dtype }]) => [code(descr), code(dtype)]), ['`U`, `S`', '`string`']],
    ),
    'The server refuses other types. `TUREEN_DATASET_UNSUPPORTED` names the array, and says what to do:',
    [...refusedTypes].map(([letter, reason]) => `- ${code(letter)}: ${reason}.`).join('\n'),
    '## Files that are often sent by mistake',
    impostors.map(({ reason }) => `- The file ${reason}`).join('\n'),
    '## Limits',
    table(
      ['limit', 'value'],
      [
        ['files in a data set', number(datasetLimits.files)],
        ['arrays in one `.npz`', number(datasetLimits.entries)],
        ['arrays in all files of a data set', number(datasetLimits.allEntries)],
        ['axes of an array', number(datasetLimits.rank)],
        ['bytes of one string', number(datasetLimits.elementBytes)],
        ['bytes of one batch, all arrays together', number(datasetLimits.batchBytes)],
        ['bytes of one `.pb` file', number(datasetLimits.tensorFileBytes)],
      ],
    ),
  )
}
