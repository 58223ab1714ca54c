import type { FloatFormat } from './float-format.ts'
import { kernelBlock } from './kernel-block.ts'
import { blockEngine } from './simd-block-engine.ts'
import type { SumResult } from './sum-engine.ts'

/** What a method computes element by element. It knows an element by its place in the tensor alone: how a tensor is cut changes no bit. */
export type ElementKernel = {
  /**
   * Computes `count` elements, the first of which is element `first` of the tensor, from those of every source. All arrays are of the
   * thread's engine, `output` its own; those of the sources may be overwritten.
   */
  compute(inputs: readonly Float64Array[], output: Float64Array, first: number, count: number): void
  /** How many of the sources, from the first on, must have the same bits for an element to be copied; 0: none is. */
  compared: number
  /**
   * Elements of the last block, by their place in it, of which the stored bits of the last source are copied although they are NaN,
   * whose bits computing would lose.
   */
  copiedNaN: readonly number[]
  /** What has been counted so far over all elements that were computed. */
  counts: Record<string, number>
}

/**
 * Runs a kernel over `count` elements, the first of which is element `first` of the tensor, and rounds each once.
 * @param inputs one for each source
 * @returns `computed`: whether any was (false: all were the same in every source and were copied); NaN and infinite ones of the result
 */
export function runKernel(
  kernel: ElementKernel,
  format: FloatFormat,
  inputs: readonly Uint8Array[],
  first: number,
  count: number,
  output: Uint8Array,
): SumResult {
  const { bytes: width } = format
  const engine = blockEngine()
  let copied = 0
  let nonFinite = 0
  for (let from = 0; from < count; from += kernelBlock) {
    const length = Math.min(kernelBlock, count - from)
    const own = (bytes: Uint8Array) => bytes.subarray(from * width, (from + length) * width)
    const target = own(output)
    const blocks = inputs.map((input, index) => engine.decode(format, own(input), index, length))
    kernel.compute(blocks, engine.output, first + from, length)
    const finished = engine.finish(format, kernel.compared, length, target)
    copied += finished.identical
    nonFinite += finished.nonFinite
    const last = inputs.at(-1)
    for (const at of kernel.copiedNaN) {
      const bits = last?.subarray((from + at) * width, (from + at + 1) * width)
      if (bits) target.set(bits, at * width)
    }
  }
  return { computed: copied < count, nonFinite }
}
