import type { TureenError } from '../../errors.ts'
import { datasetLimits } from './dataset-limits.ts'
import { type NpyElement, npyElement } from './npy-element.ts'
import { type PythonLiteral, parsePythonLiteral } from './python-literal.ts'
import { malformedDataset, unsupportedDataset } from './refusals.ts'

/** The header of an npy file. Its elements take `elements` x `element.bytes` bytes from `dataOffset` on. */
export type NpyHeader = {
  element: NpyElement
  dims: number[]
  elements: number
  /** True if the array has several axes and the first one varies fastest. */
  fortranOrder: boolean
  dataOffset: number
}

/** Number of bytes that {@link npyDataOffset} needs. No npy file is shorter. */
export const npyStartBytes = 12

const magic = '\x93NUMPY'

/** True if bytes may be the start of an npy file. Fewer than {@link npyStartBytes} may be cut off. */
export function beginsLikeNpy(start: Uint8Array): boolean {
  return magic.startsWith(Buffer.from(start).toString('latin1', 0, magic.length))
}

/** Returns the refusal of an array that is no npy file. */
export function notNpy(array: string): TureenError {
  return malformedDataset(`The array ${array} is not in NumPy's npy format. Save it with np.savez.`, { tensor: array })
}

/**
 * Returns the offset of the elements in an npy file, in bytes, from its first {@link npyStartBytes} bytes. It reads versions 1.0, 2.0 and
 * 3.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
 *
 * @throws TureenError `TUREEN_DATASET_MALFORMED`, `TUREEN_DATASET_UNSUPPORTED`
 */
export function npyDataOffset(start: Uint8Array, array: string): number {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength)
  if (bytes.length < npyStartBytes || !beginsLikeNpy(start)) throw notNpy(array)
  const version = bytes.readUInt8(6)
  if (version < 1 || version > 3 || bytes.readUInt8(7) !== 0) {
    throw unsupportedDataset(
      `The array ${array} has version ${version}.${bytes[7]} of the npy format; 1.0 to 3.0 are read. Save it with np.savez.`,
      { tensor: array, expected: 'version 1.0 to 3.0', actual: `version ${version}.${bytes[7]}` },
    )
  }
  const dataOffset = version === 1 ? 10 + bytes.readUInt16LE(8) : 12 + bytes.readUInt32LE(8)
  if (dataOffset > datasetLimits.headerBytes) {
    throw unsupportedDataset(
      `The array ${array} has a header of ${dataOffset} bytes; ${datasetLimits.headerBytes} is the limit. Save it as arrays of numbers.`,
      {
        tensor: array,
        expected: `a header of ${datasetLimits.headerBytes} bytes at most`,
        actual: `${dataOffset} bytes`,
      },
    )
  }
  return dataOffset
}

/**
 * Reads the header of an npy file.
 * @param head the bytes before the elements
 * @param entryBytes length of the whole file in bytes; header and elements must take exactly this many
 * @throws TureenError `TUREEN_DATASET_MALFORMED`, `TUREEN_DATASET_UNSUPPORTED`, with the name of the array
 */
export function parseNpyHeader(head: Uint8Array, entryBytes: number, array: string): NpyHeader {
  const version = head[6] ?? 0
  const text = Buffer.from(head.subarray(version === 1 ? 10 : 12)).toString(version === 3 ? 'utf8' : 'latin1')
  const { descr, fortranOrder, shape } = headerFields(text, array)
  const element = npyElement(descr, array)
  const dims = shapeOf(shape, array)
  const elements = countElements(dims, array)
  const dataBytes = elements * element.bytes
  if (!Number.isSafeInteger(dataBytes)) throw tooManyElements(dims, array)
  if (head.byteLength + dataBytes !== entryBytes) {
    throw malformedDataset(
      `The array ${array} is ${element.dtype} [${dims.join(', ')}], which takes ${dataBytes} bytes, but holds ${entryBytes - head.byteLength}. Save it again.`,
      { tensor: array, expected: `${dataBytes} bytes`, actual: `${entryBytes - head.byteLength} bytes` },
    )
  }
  return { element, dims, elements, fortranOrder: fortranOrder && dims.length > 1, dataOffset: head.byteLength }
}

function headerFields(
  text: string,
  array: string,
): { descr: PythonLiteral; fortranOrder: boolean; shape: PythonLiteral } {
  const fields = parseDict(text, array)
  const descr = fields.get('descr')
  const fortranOrder = fields.get('fortran_order')
  const shape = fields.get('shape')
  if (fields.size !== 3 || descr === undefined || shape === undefined || typeof fortranOrder !== 'boolean') {
    throw malformedDataset(
      `The header of the array ${array} lacks one of descr, fortran_order and shape, or has more than these. Save it with np.savez.`,
      { tensor: array, expected: 'descr, fortran_order, shape' },
    )
  }
  return { descr, fortranOrder, shape }
}

function parseDict(text: string, array: string): Map<string, PythonLiteral> {
  try {
    const value = parsePythonLiteral(text)
    if (value instanceof Map) return value
    throw new SyntaxError('it is not a dict')
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw malformedDataset(
      `The header of the array ${array} cannot be read: ${error.message}. Save it with np.savez.`,
      { tensor: array },
      error,
    )
  }
}

function shapeOf(shape: PythonLiteral, array: string): number[] {
  if (typeof shape !== 'object' || shape === null || shape instanceof Map || shape.form !== 'tuple') {
    throw malformedDataset(`The shape of the array ${array} is not a tuple. Save it with np.savez.`, {
      tensor: array,
      expected: 'a tuple',
    })
  }
  if (shape.items.length > datasetLimits.rank) {
    throw unsupportedDataset(
      `The array ${array} has ${shape.items.length} dimensions; ${datasetLimits.rank} is the limit. Reshape it to fewer.`,
      {
        tensor: array,
        expected: `${datasetLimits.rank} dimensions at most`,
        actual: `${shape.items.length} dimensions`,
      },
    )
  }
  return shape.items.map(dim => {
    if (typeof dim !== 'number' || dim < 0)
      throw malformedDataset(
        `The shape of the array ${array} holds something that is not a size. Save it with np.savez.`,
        { tensor: array, expected: 'integers of at least 0' },
      )
    return dim
  })
}

/** Returns the number of elements. It also refuses huge dims next to a dim of 0, since loops run over them. */
function countElements(dims: number[], array: string): number {
  const product = dims.reduce((sofar, dim) => sofar * Math.max(dim, 1), 1)
  if (!Number.isSafeInteger(product)) throw tooManyElements(dims, array)
  return dims.includes(0) ? 0 : product
}

function tooManyElements(dims: number[], array: string) {
  return malformedDataset(`The array ${array} has more elements than can be: [${dims.join(', ')}]. Save it again.`, {
    tensor: array,
    actual: `[${dims.join(', ')}]`,
  })
}
