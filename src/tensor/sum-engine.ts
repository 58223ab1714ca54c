import { floatFormat } from './float-format.ts'
import { sumScratch, type WeightedSum, weightedSum } from './weighted-sum.ts'

/** Where an engine takes its inputs from and puts its result: whoever uses it reads into the one and writes out of the other. */
export type SumBuffers = { inputs: readonly Uint8Array[]; output: Uint8Array }

/** `computed`: false if all elements were the same in every input and were copied. `nonFinite`: NaN and infinite ones of the result. */
export type SumResult = { computed: boolean; nonFinite: number }

/**
 * What computes weighted sums, in memory of its own. Engines give the same bits (see {@link WeightedSum}); they differ in speed alone.
 */
export type SumEngine = {
  /** Memory for so many inputs of `bytes` bytes each, and as much for the result. What was given before is no longer valid. */
  reserve(inputs: number, bytes: number): SumBuffers
  /** Computes the first `count` elements of as many of the inputs as the sum has weights. */
  sum(dtype: string, sum: WeightedSum, count: number): SumResult
}

/** The readable reference: plain loops over typed arrays, in buffers of the caller's. */
export function typedArraySum(): (buffers: SumBuffers, ...sum: Parameters<SumEngine['sum']>) => SumResult {
  let scratch = sumScratch(0)
  return ({ inputs, output }, dtype, sum, count) => {
    const format = floatFormat(dtype)
    const own = inputs.slice(0, sum.weights.length).map(input => input.subarray(0, count * format.bytes))
    if (scratch.accumulator.length < count) scratch = sumScratch(count)
    const computed = weightedSum(format, sum, own, count, output, scratch)
    return { computed, nonFinite: format.countNonFinite(output, count) }
  }
}

/** The engine where the machine has no SIMD. */
export function typedArrayEngine(): SumEngine {
  let buffers: SumBuffers = { inputs: [], output: new Uint8Array(0) }
  const sumIn = typedArraySum()
  return {
    reserve(inputs, bytes) {
      buffers = { inputs: Array.from({ length: inputs }, () => new Uint8Array(bytes)), output: new Uint8Array(bytes) }
      return buffers
    },
    sum: (...sum) => sumIn(buffers, ...sum),
  }
}
