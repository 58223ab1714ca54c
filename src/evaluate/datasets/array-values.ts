/** Elements in memory. bool: 0 and 1 in a Uint8Array; float16 and bfloat16: their bits in a Uint16Array. */
export type ElementArray =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>

/** An array or a batch of it. `dtype`: ONNX's name of the element type; `data`: elements in row-major order. */
export type ArrayValues = { dtype: string; dims: number[]; data: ElementArray | string[] }

type ElementView = {
  bytes: 1 | 2 | 4 | 8
  view: (buffer: ArrayBuffer, byteOffset: number, elements: number) => ElementArray
}

const uint8: ElementView = { bytes: 1, view: (...place) => new Uint8Array(...place) }
const uint16: ElementView = { bytes: 2, view: (...place) => new Uint16Array(...place) }

const views = new Map<string, ElementView>([
  ['bool', uint8],
  ['int8', { bytes: 1, view: (...place) => new Int8Array(...place) }],
  ['int16', { bytes: 2, view: (...place) => new Int16Array(...place) }],
  ['int32', { bytes: 4, view: (...place) => new Int32Array(...place) }],
  ['int64', { bytes: 8, view: (...place) => new BigInt64Array(...place) }],
  ['uint8', uint8],
  ['uint16', uint16],
  ['uint32', { bytes: 4, view: (...place) => new Uint32Array(...place) }],
  ['uint64', { bytes: 8, view: (...place) => new BigUint64Array(...place) }],
  ['float16', uint16],
  ['bfloat16', uint16],
  ['float32', { bytes: 4, view: (...place) => new Float32Array(...place) }],
  ['float64', { bytes: 8, view: (...place) => new Float64Array(...place) }],
])

/** Returns the memory view of a type of fixed size; undefined for strings and for types that data sets do not have. */
export function elementViewOf(dtype: string): ElementView | undefined {
  return views.get(dtype)
}

/**
 * Returns a view of `elements` elements of a type of fixed size, without a copy. `byteOffset` must be a multiple of the element's size.
 * @throws RangeError for a type that data sets do not have
 */
export function viewElements(dtype: string, buffer: ArrayBuffer, byteOffset: number, elements: number): ElementArray {
  const element = views.get(dtype)
  if (!element) throw new RangeError(`${dtype} is not a type of fixed size that data sets have`)
  return element.view(buffer, byteOffset, elements)
}
