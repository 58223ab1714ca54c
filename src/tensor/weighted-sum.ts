import type { FloatFormat } from './float-format.ts'

/**
 * What is computed of each element, in binary64, left to right from the first product, without fused multiply-add:
 * y = round((w_1 x_1 + ... + w_n x_n) / divisor), without the division where `divisor` is null.
 * With `keepIdentical`, an element whose bits are the same in every input is copied as it is.
 */
export type WeightedSum = { weights: readonly number[]; divisor: number | null; keepIdentical: boolean }

/** Memory that a caller keeps between chunks. */
export type SumScratch = { accumulator: Float64Array; differs: Uint8Array }

export function sumScratch(elements: number): SumScratch {
  return { accumulator: new Float64Array(elements), differs: new Uint8Array(elements) }
}

/**
 * Computes `count` elements of `inputs` into `output`, the readable reference of the streaming kernel.
 * @returns whether the result was computed at all (false: all inputs were identical and were copied)
 */
export function weightedSum(
  format: FloatFormat,
  { weights, divisor, keepIdentical }: WeightedSum,
  inputs: readonly Uint8Array[],
  count: number,
  output: Uint8Array,
  { accumulator, differs }: SumScratch,
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
  if (keepIdentical) copyIdentical(format.bytes, inputs, count, output, differs)
  return true
}

function equalBytes(a: Uint8Array, b: Uint8Array, length: number): boolean {
  return Buffer.compare(a.subarray(0, length), b.subarray(0, length)) === 0
}

function copyIdentical(
  width: FloatFormat['bytes'],
  inputs: readonly Uint8Array[],
  count: number,
  output: Uint8Array,
  differs: Uint8Array,
): void {
  const lanes = width === 8 ? 2 : 1
  const words = (bytes: Uint8Array): Uint8Array | Uint16Array | Uint32Array => {
    if (width === 1) return bytes
    if (width === 2) return new Uint16Array(bytes.buffer, bytes.byteOffset, count)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, count * lanes)
  }
  const [first = output, ...others] = inputs.map(words)
  differs.fill(0, 0, count)
  for (const other of others) {
    for (let i = 0; i < count * lanes; i += 1) if (first[i] !== other[i]) differs[lanes === 2 ? i >>> 1 : i] = 1
  }
  const y = words(output)
  for (let i = 0; i < count * lanes; i += 1) if (differs[lanes === 2 ? i >>> 1 : i] === 0) y[i] = first[i] ?? 0
}
