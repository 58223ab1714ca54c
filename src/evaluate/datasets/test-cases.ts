import { decodedOnce } from '../../percent-encoding.ts'
import type { DatasetFile } from './dataset-types.ts'
import { malformedDataset } from './refusals.ts'

/** The parts of a tensor's file name: `test_data_set_0/input_1.pb` is the array `input_1` of the case `test_data_set_0`. */
export type TensorFileName = { directory: string; array: string }

/** One run of the model: its inputs and expected outputs by array name, inputs first. */
export type TestCase = { directory: string; tensors: ReadonlyMap<string, DatasetFile> }

/**
 * Returns the parts of a tensor's file name; undefined for other names. Some clients on Windows send backslashes, and some clients
 * percent-encode the names in forms.
 */
export function parseTensorFileName(name: string): TensorFileName | undefined {
  return tensorFileName(name) ?? tensorFileName(decodedOnce(name) ?? '')
}

function tensorFileName(name: string): TensorFileName | undefined {
  const match = /^(?:(?<directory>.*)\/)?(?<array>(?:input|output)_(?:0|[1-9]\d{0,4}))\.pb$/su.exec(
    name.replaceAll('\\', '/'),
  )
  const { directory = '', array } = match?.groups ?? {}
  return array === undefined ? undefined : { directory, array }
}

/**
 * Groups the files of ONNX's test data into cases: each directory is one. It sorts cases and arrays by name, with numbers as numbers,
 * because clients send files in the order of their shell.
 *
 * @throws TureenError `TUREEN_DATASET_MALFORMED` if a name is not a tensor's, if it occurs twice, or if cases have different arrays
 */
export function groupCases(files: readonly DatasetFile[]): TestCase[] {
  const { compare } = new Intl.Collator('en', { numeric: true })
  const cases = new Map<string, Map<string, DatasetFile>>()
  for (const file of files) {
    const parsed = parseTensorFileName(file.name)
    if (!parsed)
      throw malformedDataset(`The file ${file.name} is not called input_N.pb or output_N.pb. Rename it.`, {
        location: file.name,
        expected: 'input_N.pb, output_N.pb',
      })
    const { directory, array } = parsed
    const tensors = cases.get(directory) ?? new Map<string, DatasetFile>()
    if (tensors.has(array)) {
      throw malformedDataset(
        `The file ${file.name} is there twice. Give each case a directory of its own, as in test_data_set_0/input_0.pb.`,
        { tensor: array },
      )
    }
    cases.set(directory, tensors.set(array, file))
  }
  const sorted = [...cases]
    .sort(([a], [b]) => compare(a, b))
    .map(([directory, tensors]) => ({
      directory,
      tensors: new Map([...tensors].sort(([a], [b]) => compare(a, b))),
    }))
  requireSameArrays(sorted)
  return sorted
}

function requireSameArrays([first, ...others]: readonly TestCase[]): void {
  for (const other of others) {
    for (const [has, lacks] of [
      [first, other],
      [other, first],
    ]) {
      const missing = [...(has?.tensors.keys() ?? [])].find(array => !lacks?.tensors.has(array))
      if (missing === undefined) continue
      throw malformedDataset(
        `The case ${lacks?.directory} lacks ${missing}.pb, which ${has?.directory} has. All cases of a data set must have the same files.`,
        { tensor: missing },
      )
    }
  }
}
