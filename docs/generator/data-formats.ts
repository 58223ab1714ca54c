import { safetensorsTypes } from '../../src/checkpoint/safetensors-dtypes.ts'
import { datasetLimits } from '../../src/evaluate/datasets/dataset-limits.ts'
import { impostors } from '../../src/evaluate/datasets/file-kinds.ts'
import { numericTypes, refusedTypes } from '../../src/evaluate/datasets/npy-element.ts'
import { dtypeCode, dtypeOf } from '../../src/tensor/dtype.ts'
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
    '## Arrays of `.npz`',
    'A file may hold more than one evaluation needs:',
    '- **Arrays with equally many samples belong together.** With `x_train`, `y_train`, `x_test` and `y_test` in one file, name those to use: ' +
      '`"inputs": {"x": "x_test"}, "target": "y_test"`.\n' +
      '- **Arrays that cannot be used** do not keep the others from use. The record lists them in `unusable`, each with the reason.\n' +
      '- **An array without axes** is a constant, and belongs to all samples.\n' +
      '- **Other entries** of the archive are ignored: texts, folders, `._x.npy` and `__MACOSX/` of macOS, and up to 64 KiB after its end. ' +
      'An entry without `.npy` is an array if it begins like one.',
    '## Which array is fed to which input',
    'A request may name the array of each input in `inputs`, and the `target`. The server chooses the others in this order:',
    '1. The array with the name of the input.\n' +
      '2. The only array of the same kind of type (float, integer, bool or text), rank and dims. It must not fit another open input. A model with one ' +
      'input also takes numbers of another kind, if nothing fits better.\n' +
      '3. The target is the only other array, or the only one whose name says so: `y`, `label`, `target`, `class`, `gt`, or the name of an output.',
    'An array that is named like a target, an identifier (`id`, `index`, `file`), a name, a weight or a fold is never fed to an input without being ' +
      'asked for. Nor is an input without axes fed from an array of another name. An input with a default value in the model needs no array.',
    'What was guessed is in `binding.guessed` of the result, and in a note. An input without an array is refused with `TUREEN_DATASET_MISMATCH`.',
    '## Element types of `.npz`',
    'The header of an array may spell its type in any way that NumPy reads, such as `<f4`, `=f4`, `f` or `float32`.',
    table(
      ['NumPy type', 'element type'],
      [...[...numericTypes].map(([descr, { dtype }]) => [code(descr), code(dtype)]), ['`U`, `S`', '`string`']],
    ),
    'Arrays of other types cannot be used. A data set without any other array is refused with `TUREEN_DATASET_UNSUPPORTED`:',
    [...refusedTypes].map(([letter, reason]) => `- ${code(letter)}: ${reason}.`).join('\n'),
    '## Element types of checkpoints',
    'The names of safetensors, those of the API, and what a soup does with such a tensor. A carried tensor must be equal in all checkpoints. ' +
      'Files of `torch.save` have the same types, and complex128, which no safetensors file can hold.',
    table(
      ['safetensors', 'element type', 'in a soup'],
      safetensorsTypes.map(([theirs, ours]) => [
        code(theirs),
        code(ours),
        dtypeOf(dtypeCode(ours))?.float ? 'averaged' : 'carried',
      ]),
    ),
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
