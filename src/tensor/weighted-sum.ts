import type { FloatFormat } from './float-format.ts'

/**
 * A weighted sum, computed for each element in binary64, left to right from the first product, without fused
 * multiply-add: y = round((w_1 x_1 + ... + w_n x_n) / divisor). There is no division if `divisor` is null. With
 * `keepIdentical`, an element with the same bits in every input is copied.
 */
export type WeightedSum = { weights: readonly number[]; divisor: number | null; keepIdentical: boolean }

/** Memory that a caller keeps between chunks. */
export type SumScratch = { accumulator: Float64Array; shared: Uint32Array }

/** Returns scratch memory for chunks of up to `elements` elements. */
export function sumScratch(elements: number): SumScratch {
  return { accumulator: new Float64Array(elements), shared: new Uint32Array(elements) }
}

/**
 * Computes `count` elements of `inputs` into `output`. This is the readable reference of the streaming kernel.
 *
 * @returns false if all inputs were identical and were copied, true if anything was computed
 */
export function weightedSum(
  format: FloatFormat,
  { weights, divisor, keepIdentical }: WeightedSum,
  inputs: readonly Uint8Array[],
  count: number,
  output: Uint8Array,
  { accumulator, shared }: SumScratch,
): boolean {
  const [first] = inputs
  if (!first) throw new RangeError('a weighted sum needs at least one input')
  const bytes = count * format.bytes
  if (keepIdentical && inputs.every(input => input === first || equalBytes(input, first, bytes))) {
    output.set(first.subarray(0, bytes))
    return false
  }
  format.begin(accumulator, first, count, weights[0] ?? 0)
  for (let k = 1; k < inputs.length; k += 1) {
    const input = inputs[k]
    if (input) format.add(accumulator, input, count, weights[k] ?? 0)
  }
  if (divisor !== null) {
    for (let i = 0; i < count; i += 1) accumulator[i] = (accumulator[i] ?? 0) / divisor
  }
  format.round(accumulator, count, output)
  if (keepIdentical) copyIdentical(format.bytes, inputs, count, output, shared)
  return true
}

function equalBytes(a: Uint8Array, b: Uint8Array, length: number): boolean {
  return Buffer.compare(a.subarray(0, length), b.subarray(0, length)) === 0
}

/**
 * Copies the elements whose bits are the same in every input, and returns their number. The first two inputs are
 * compared as words. They share few elements, and only those are compared with the other inputs.
 */
export function copyIdentical(
  width: FloatFormat['bytes'],
  inputs: readonly Uint8Array[],
  count: number,
  output: Uint8Array,
  shared: Uint32Array,
): number {
  const lanes = width === 8 ? 2 : 1
  const words = (bytes: Uint8Array): Uint8Array | Uint16Array | Uint32Array => {
    if (width === 1) return bytes
    if (width === 2) return new Uint16Array(bytes.buffer, bytes.byteOffset, count)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, count * lanes)
  }
  const [first = output, second = first, ...others] = inputs.map(words)
  let found = 0
  if (lanes === 1) {
    for (let i = 0; i < count; i += 1) if (first[i] === second[i]) shared[found++] = i
  } else {
    for (let i = 0; i < count; i += 1)
      if (first[2 * i] === second[2 * i] && first[2 * i + 1] === second[2 * i + 1]) shared[found++] = i
  }
  for (const other of others) {
    let kept = 0
    for (let j = 0; j < found; j += 1) {
      const i = shared[j] ?? 0
      const same =
        lanes === 1 ? first[i] === other[i] : first[2 * i] === other[2 * i] && first[2 * i + 1] === other[2 * i + 1]
      if (same) shared[kept++] = i
    }
    found = kept
  }
  const y = words(output)
  for (let j = 0; j < found; j += 1) {
    const at = (shared[j] ?? 0) * lanes
    for (let lane = at; lane < at + lanes; lane += 1) y[lane] = first[lane] ?? 0
  }
  return found
}
