import { datasetLimits } from './dataset-limits.ts'
import { npyTypeCode } from './npy-type-codes.ts'
import type { PythonLiteral } from './python-literal.ts'
import { malformedDataset, unsupportedDataset } from './refusals.ts'

/**
 * An element as an npy file stores it. `dtype`: ONNX's name of its type; `swap`: size in bytes of the units whose byte order to reverse, 1
 * for none. `text`: the encoding of strings of fixed width, padded with zeros: UTF-32 (NumPy's U) or UTF-8 (S).
 */
export type NpyElement = {
  dtype: string
  bytes: number
  swap: 1 | 2 | 4 | 8
  text: 'utf32' | 'utf8' | null
}

/** ONNX's types by NumPy's code without the byte order. */
export const numericTypes: ReadonlyMap<string, { dtype: string; bytes: 1 | 2 | 4 | 8 }> = new Map([
  ['b1', { dtype: 'bool', bytes: 1 }],
  ['i1', { dtype: 'int8', bytes: 1 }],
  ['i2', { dtype: 'int16', bytes: 2 }],
  ['i4', { dtype: 'int32', bytes: 4 }],
  ['i8', { dtype: 'int64', bytes: 8 }],
  ['u1', { dtype: 'uint8', bytes: 1 }],
  ['u2', { dtype: 'uint16', bytes: 2 }],
  ['u4', { dtype: 'uint32', bytes: 4 }],
  ['u8', { dtype: 'uint64', bytes: 8 }],
  ['f2', { dtype: 'float16', bytes: 2 }],
  ['f4', { dtype: 'float32', bytes: 4 }],
  ['f8', { dtype: 'float64', bytes: 8 }],
])

/** Reasons for refused types by NumPy's letter of the kind, each with the way to save the array instead. */
export const refusedTypes: ReadonlyMap<string, string> = new Map([
  [
    'O',
    'holds Python objects, which are pickled, and reading a pickle runs code. Save it as numbers of one shape (np.stack, .astype(np.float32)) or as strings (.astype(str))',
  ],
  ['c', 'holds complex numbers. Save its parts as arrays of their own: x.real and x.imag'],
  ['M', 'holds dates. Save it as numbers: .astype(np.int64)'],
  ['m', 'holds time spans. Save it as numbers: .astype(np.int64)'],
  [
    'V',
    'holds raw bytes, which is how NumPy saves types that it does not know, such as bfloat16. Save it as numbers: .astype(np.float32)',
  ],
  ['f', 'holds floats of a size that only some machines have. Save it with .astype(np.float64)'],
])

/**
 * Returns the element type of a `descr`, which NumPy reads as `numpy.dtype(descr)`.
 * @throws TureenError `TUREEN_DATASET_UNSUPPORTED` with the array and what to do for unsupported types; `TUREEN_DATASET_MALFORMED`
 */
export function npyElement(descr: PythonLiteral, array: string): NpyElement {
  // Text with commas, or with a shape in front, is structured as well.
  if (typeof descr !== 'string' || descr.includes(',') || /^[<>|=]?[\d(]/u.test(descr)) {
    throw unsupportedDataset(
      `The array ${array} is structured: its elements have fields. Save each field as an array of its own: np.savez(path, a=x['a'], ...).`,
      { tensor: array, expected: 'an array of one type' },
    )
  }
  const { order, kind, size, isWhole } = npyTypeCode(descr)
  if (kind === '')
    throw malformedDataset(`The array ${array} has a type that NumPy does not have: ${descr}. Save it with np.savez.`, {
      tensor: array,
      actual: descr,
    })
  const bigEndian = order === '>'
  const number = isWhole ? numericTypes.get(kind + size) : undefined
  if (number) return { ...number, swap: bigEndian ? number.bytes : 1, text: null }
  if (isWhole && (kind === 'U' || kind === 'S')) {
    const bytes = Number(size) * (kind === 'U' ? 4 : 1)
    requireElementBytes(bytes, descr, array)
    return kind === 'U'
      ? { dtype: 'string', bytes, swap: bigEndian ? 4 : 1, text: 'utf32' }
      : { dtype: 'string', bytes, swap: 1, text: 'utf8' }
  }
  const reason =
    (isWhole ? refusedTypes.get(kind) : undefined) ?? 'is of a type that is not read. Save it as numbers or strings'
  throw unsupportedDataset(`The array ${array} (${descr}) ${reason}.`, { tensor: array, actual: descr })
}

function requireElementBytes(bytes: number, descr: string, array: string): void {
  if (bytes > datasetLimits.elementBytes) {
    throw unsupportedDataset(
      `The array ${array} (${descr}) holds strings of ${bytes} bytes each; ${datasetLimits.elementBytes} is the limit. Save shorter strings.`,
      { tensor: array, expected: `${datasetLimits.elementBytes} bytes at most`, actual: `${bytes} bytes` },
    )
  }
  // The size of the file bounds the number of elements only if each takes some bytes.
  if (bytes === 0) {
    throw unsupportedDataset(`The array ${array} (${descr}) holds strings of no width. Save it with .astype('U1').`, {
      tensor: array,
      actual: descr,
    })
  }
}
