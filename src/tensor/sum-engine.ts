import { floatFormat } from './float-format.ts'
import { sumScratch, type WeightedSum, weightedSum } from './weighted-sum.ts'

/** The memory of an engine. A caller writes the inputs into `inputs`, and reads the result from `output`. */
export type SumBuffers = { inputs: readonly Uint8Array[]; output: Uint8Array }

/**
 * `computed`: false if every element was the same in all inputs and was copied. `nonFinite`: NaN and infinite elements
 * of the result.
 */
export type SumResult = { computed: boolean; nonFinite: number }

/**
 * Computes weighted sums in memory of its own. All engines give the same bits (see {@link WeightedSum}), at different
 * speeds.
 */
export type SumEngine = {
  /** Makes room for `inputs` inputs and one result, of `bytes` bytes each. Buffers returned earlier become invalid. */
  reserve(inputs: number, bytes: number): SumBuffers
  /** Computes the first `count` elements from the first inputs, one for each weight of the sum. */
  sum(dtype: string, sum: WeightedSum, count: number): SumResult
}

/** Returns the readable reference: plain loops over typed arrays, in the caller's buffers. */
export function typedArraySum(): (buffers: SumBuffers, ...sum: Parameters<SumEngine['sum']>) => SumResult {
  let scratch = sumScratch(0)
  return ({ inputs, output }, dtype, sum, count) => {
    const format = floatFormat(dtype)
    const used = inputs.slice(0, sum.weights.length).map(input => input.subarray(0, count * format.bytes))
    if (scratch.accumulator.length < count) scratch = sumScratch(count)
    const computed = weightedSum(format, sum, used, count, output, scratch)
    return { computed, nonFinite: format.countNonFinite(output, count) }
  }
}

/** Returns the engine for machines without SIMD. */
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
