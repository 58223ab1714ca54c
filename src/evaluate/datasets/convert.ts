import { decodeTable, encoder, smallFloats } from '../../tensor/small-float.ts'
import { type ArrayValues, type ElementArray, elementViewOf } from './array-values.ts'
import { alwaysExact } from './numeric-types.ts'
import { mismatchedDataset } from './refusals.ts'

type Bigs = BigInt64Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>
type NumberArray = Exclude<ElementArray, Bigs>
type Half = 'float16' | 'bfloat16'

/**
 * Returns an array's values in the type of a model's input, if every value is exact in that type. Bools are 0 and 1, -0 may become the
 * integer 0, and NaN stays NaN. Values that already have the type are returned unchanged.
 *
 * @param dtype ONNX's name of the input's element type
 * @throws TureenError `TUREEN_DATASET_MISMATCH` with the array, the input, the first value that would change, and what to do
 */
export function convertForInput(
  values: ArrayValues,
  dtype: string,
  names: { array: string; input: string },
): ArrayValues {
  if (values.dtype === dtype) return values
  const { array, input } = names
  const target = elementViewOf(dtype)
  if (!target || Array.isArray(values.data)) {
    const advice = target ? ' Give it an array of numbers.' : dtype === 'string' ? ' Save it with .astype(str).' : ''
    throw mismatchedDataset(
      `The input ${input} takes ${dtype}; the array ${array} is ${values.dtype} and cannot be given as that.${advice}`,
      { field: `inputs.${input}`, tensor: array, expected: dtype, actual: values.dtype },
    )
  }
  const { data } = values
  const converted = target.view(new ArrayBuffer(data.length * target.bytes), 0, data.length)
  const changed = convert(data, values.dtype, converted, dtype)
  if (changed < 0) return { dtype, dims: values.dims, data: converted }
  const value = valueAt(data, values.dtype, changed)
  throw mismatchedDataset(
    `The input ${input} takes ${dtype}; the array ${array} is ${values.dtype}, and its value ${value}${placeOf(changed, values.dims)} is not one of ${dtype}. ${advise(dtype)}`,
    { field: `inputs.${input}`, tensor: array, expected: dtype, actual: String(value) },
  )
}

/** Fills `target` with the values of `source`. Returns the index of the first value that is not exact there; -1 if all are exact. */
function convert(source: ElementArray, from: string, target: ElementArray, to: string): number {
  if (isBig(source)) return isBig(target) ? bigsToBigs(source, target) : bigsToNumbers(source, target, to)
  const numbers = isHalf(from) ? decodeHalves(source, from) : source
  if (isBig(target)) return numbersToBigs(numbers, target)
  if (!isHalf(to) && alwaysExact(from, to)) {
    target.set(numbers)
    return -1
  }
  return numbersToNumbers(numbers, target, to)
}

function numbersToNumbers(source: NumberArray, target: NumberArray, to: string): number {
  const store = storing(target, to)
  for (let i = 0; i < source.length; i += 1) if (!store(i, source[i] ?? 0)) return i
  return -1
}

/** Converts 64-bit integers through binary64. An integer that is not exact in binary64 is exact in no smaller float either. */
function bigsToNumbers(source: Bigs, target: NumberArray, to: string): number {
  const store = storing(target, to)
  for (let i = 0; i < source.length; i += 1) {
    const value = source[i] ?? 0n
    const number = Number(value)
    if (BigInt(number) !== value || !store(i, number)) return i
  }
  return -1
}

function numbersToBigs(source: NumberArray, target: Bigs): number {
  for (let i = 0; i < source.length; i += 1) {
    const value = source[i] ?? 0
    if (!Number.isInteger(value)) return i
    const big = BigInt(value)
    target[i] = big
    if (target[i] !== big) return i
  }
  return -1
}

function bigsToBigs(source: Bigs, target: Bigs): number {
  for (let i = 0; i < source.length; i += 1) {
    const value = source[i] ?? 0n
    target[i] = value
    if (target[i] !== value) return i
  }
  return -1
}

/** Returns a function that stores a number at an index of the target, and returns true if the stored number is equal. */
function storing(target: NumberArray, to: string): (index: number, value: number) => boolean {
  if (isHalf(to)) {
    const values = decodeTable(smallFloats[to])
    const encode = encoder(smallFloats[to])
    return (index, value) => {
      const code = encode(value)
      target[index] = code
      return values[code] === value || Number.isNaN(value)
    }
  }
  if (to === 'bool') {
    return (index, value) => {
      target[index] = value
      return value === 0 || value === 1
    }
  }
  return (index, value) => {
    target[index] = value
    const stored = target[index] ?? 0
    return stored === value || (Number.isNaN(stored) && Number.isNaN(value))
  }
}

function decodeHalves(codes: NumberArray, from: Half): Float32Array<ArrayBuffer> {
  const values = decodeTable(smallFloats[from])
  const numbers = new Float32Array(codes.length)
  for (let i = 0; i < codes.length; i += 1) numbers[i] = values[codes[i] ?? 0] ?? 0
  return numbers
}

function isBig(data: ElementArray): data is Bigs {
  return data instanceof BigInt64Array || data instanceof BigUint64Array
}

/** Tells if an element type has 16-bit floats, which arrive as codes. */
export function isHalf(dtype: string): dtype is Half {
  return dtype === 'float16' || dtype === 'bfloat16'
}

function valueAt(data: ElementArray, dtype: string, index: number): number | bigint {
  const value = data[index] ?? 0
  return isHalf(dtype) ? (decodeTable(smallFloats[dtype])[Number(value)] ?? 0) : value
}

/** Returns the place of an element in its batch, in words, such as ` at [3, 0, 5] of its batch`. */
function placeOf(index: number, dims: readonly number[]): string {
  if (dims.length === 0) return ''
  let rest = index
  const place = dims.toReversed().map(dim => {
    const at = rest % dim
    rest = Math.floor(rest / dim)
    return at
  })
  return ` at [${place.reverse().join(', ')}] of its batch`
}

function advise(dtype: string): string {
  if (dtype === 'bfloat16')
    return 'NumPy has no bfloat16: round the values to it before saving, or export the model with float32 inputs.'
  const type = dtype === 'bool' ? 'bool' : `np.${dtype}`
  return `If that change is right, save the array with .astype(${type}).`
}
