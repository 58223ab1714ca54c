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

/** The readable reference: plain loops over typed arrays. */
export function typedArrayEngine(): SumEngine {
  let buffers: SumBuffers = { inputs: [], output: new Uint8Array(0) }
  let scratch = sumScratch(0)
  return {
    reserve(inputs, bytes) {
      buffers = { inputs: Array.from({ length: inputs }, () => new Uint8Array(bytes)), output: new Uint8Array(bytes) }
      return buffers
    },
    sum(dtype, sum, count) {
      const format = floatFormat(dtype)
      const inputs = buffers.inputs.slice(0, sum.weights.length).map(input => input.subarray(0, count * format.bytes))
      if (scratch.accumulator.length < count) scratch = sumScratch(count)
      const computed = weightedSum(format, sum, inputs, count, buffers.output, scratch)
      return { computed, nonFinite: format.countNonFinite(buffers.output, count) }
    },
  }
}
