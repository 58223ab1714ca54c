import ort from 'onnxruntime-node'
import { TureenError } from '../../errors.ts'
import { decodeTable, smallFloats } from '../../tensor/small-float.ts'
import type { BoundInput } from '../binding.ts'
import { convertForInput, isHalf } from '../datasets/convert.ts'
import type { ArrayValues } from '../datasets/dataset.ts'
import { isInteger } from '../element-kinds.ts'
import type { Values } from '../metrics/metric.ts'

/**
 * Returns an array's values as an input tensor, converted to the input's type if that loses nothing. Copies of the last row fill up a
 * batch with fewer than `padTo` rows; the caller drops the outputs for them.
 */
export function inputTensor(
  values: ArrayValues,
  { input, dtype, array, feeding }: BoundInput,
  padTo: number,
): ort.Tensor {
  const converted = convertForInput(values, dtype, { array, input })
  if (feeding === 'sample') return tensor(converted, converted.dims.slice(1), 0)
  const missingRows = feeding === 'batch' ? Math.max(0, padTo - (converted.dims[0] ?? padTo)) : 0
  const [rows = 1, ...rest] = converted.dims
  const dims = converted.dims.length === 0 ? [] : [rows + missingRows, ...rest]
  return tensor(converted, dims, missingRows)
}

/** Returns values as a tensor of their own type, followed by `missingRows` copies of the last row. */
export function tensor(
  { dtype, data, dims: [rows = 1] }: ArrayValues,
  dims: readonly number[],
  missingRows: number,
): ort.Tensor {
  if (Array.isArray(data)) {
    const lastRow = data.slice(data.length - data.length / rows)
    return new ort.Tensor('string', [...data, ...Array.from({ length: missingRows }, () => lastRow).flat()], dims)
  }
  const rowBytes = rows === 0 ? 0 : data.byteLength / rows
  const bytes = new Uint8Array(data.byteLength + missingRows * rowBytes)
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  for (let row = 0; row < missingRows; row += 1)
    bytes.copyWithin(data.byteLength + row * rowBytes, data.byteLength - rowBytes, data.byteLength)
  return tensorOfBytes(dtype, bytes, dims)
}

function tensorOfBytes(dtype: string, { buffer }: Uint8Array<ArrayBuffer>, dims: readonly number[]): ort.Tensor {
  switch (dtype) {
    case 'float32':
      return new ort.Tensor(dtype, new Float32Array(buffer), dims)
    case 'float64':
      return new ort.Tensor(dtype, new Float64Array(buffer), dims)
    case 'float16':
      return float16Tensor(new Uint16Array(buffer), dims)
    case 'int8':
      return new ort.Tensor(dtype, new Int8Array(buffer), dims)
    case 'uint8':
    case 'bool':
      return new ort.Tensor(dtype, new Uint8Array(buffer), dims)
    case 'int16':
      return new ort.Tensor(dtype, new Int16Array(buffer), dims)
    case 'uint16':
      return new ort.Tensor(dtype, new Uint16Array(buffer), dims)
    case 'int32':
      return new ort.Tensor(dtype, new Int32Array(buffer), dims)
    case 'uint32':
      return new ort.Tensor(dtype, new Uint32Array(buffer), dims)
    case 'int64':
      return new ort.Tensor(dtype, new BigInt64Array(buffer), dims)
    case 'uint64':
      return new ort.Tensor(dtype, new BigUint64Array(buffer), dims)
    default:
      throw new TureenError(
        'TUREEN_EVALUATION_FAILED',
        `onnxruntime takes no inputs of type ${dtype} from Node. Export the model with inputs of another type.`,
        [{ actual: dtype, message: `onnxruntime takes no inputs of type ${dtype} from Node` }],
      )
  }
}

/**
 * Returns a float16 tensor. onnxruntime-common converts the codes to a Float16Array if the engine has one, but onnxruntime-node 1.30
 * reads no bytes from that. So this function puts the codes back.
 */
export function float16Tensor(halves: Uint16Array<ArrayBuffer>, dims: readonly number[]): ort.Tensor {
  const made = new ort.Tensor('float16', halves, dims)
  Object.defineProperty(made, 'cpuData', { value: halves })
  return made
}

/** Assigns a number to each scored text. Equal texts of outputs and targets get equal numbers within one run. */
export class TextCodes {
  readonly #codes = new Map<string, number>()
  readonly texts: string[] = []

  of(text: string): number {
    const code = this.#codes.get(text) ?? this.texts.push(text) - 1
    this.#codes.set(text, code)
    return code
  }
}

/** Returns the first `samples` rows of an array or output for scoring metrics: numbers, or the codes of texts. */
export function scoredValues({ data, dtype, dims }: Untyped, samples: number, codes: TextCodes): Values {
  if (!Array.isArray(data)) return { ...numbersOf(data, dtype, dims, samples), integers: isInteger(dtype) }
  const numbers = Float64Array.from(data, text => codes.of(String(text)))
  return { ...numbersOf(numbers, dtype, dims, samples), texts: codes.texts }
}

type Untyped = { data: unknown; dtype: string; dims: readonly number[] }

/**
 * Returns the first `samples` rows of an array or output as numbers. 64-bit integers above 2^53 lose their last bits, which no scoring
 * metric needs.
 */
export function numbersOf(data: unknown, dtype: string, dims: readonly number[], samples: number): Values {
  const rows = dims[0] ?? 1
  const width = dims.slice(1).reduce((product, dim) => product * dim, 1)
  const length = Math.min(samples, rows) * width
  return { dims: [Math.min(samples, rows), ...dims.slice(1)], data: plainNumbers(data, dtype, length) }
}

function plainNumbers(data: unknown, dtype: string, length: number): ArrayLike<number> {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return Float64Array.from(data.subarray(0, length), Number)
  if (data instanceof Uint16Array && isHalf(dtype)) {
    const table = decodeTable(smallFloats[dtype])
    return Float64Array.from(data.subarray(0, length), code => table[code] ?? Number.NaN)
  }
  if (data instanceof Float16Array) return Float64Array.from(data.subarray(0, length))
  if (
    data instanceof Float32Array ||
    data instanceof Float64Array ||
    data instanceof Int8Array ||
    data instanceof Int16Array ||
    data instanceof Int32Array ||
    data instanceof Uint8Array ||
    data instanceof Uint16Array ||
    data instanceof Uint32Array
  ) {
    return data.subarray(0, length)
  }
  throw new TureenError(
    'TUREEN_METRIC_MISMATCH',
    `Values of type ${dtype} cannot be scored: scoring metrics take numbers. Name another output.`,
    [{ field: 'output', expected: 'numbers', actual: dtype, message: `values of type ${dtype} cannot be scored` }],
  )
}
