import { blockEngine } from './block-engine.ts'
import type { FloatFormat } from './float-format.ts'
import { kernelBlock } from './kernel-block.ts'
import type { SumResult } from './sum-engine.ts'

/**
 * Computes a merge method element by element. A result depends only on the element's index in its tensor, so cutting a
 * tensor differently changes no bit.
 */
export type ElementKernel = {
  /**
   * Computes `count` elements, from element `first` of the tensor, out of the elements of every source. All arrays
   * belong to the thread's engine, and `output` is the engine's own. The arrays of the sources may be overwritten.
   */
  compute(inputs: readonly Float64Array[], output: Float64Array, first: number, count: number): void
  /** An element is copied if its bits are the same in the first `compared` sources. 0: never. */
  compared: number
  /**
   * Places in the last block of NaN elements to copy, with their stored bits, from the last source. Computing them
   * would lose the NaN's bits.
   */
  copiedNaN: readonly number[]
  /** Counts over all elements computed so far, by name. */
  counts: Record<string, number>
}

/**
 * Runs a kernel over `count` elements, from element `first` of the tensor, and rounds each once.
 * @param inputs element bytes, one array for each source
 * @returns `computed`: false if every element was the same in all sources and was copied; and the NaN and infinite
 * elements of the result
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
    const blockOf = (bytes: Uint8Array) => bytes.subarray(from * width, (from + length) * width)
    const target = blockOf(output)
    const blocks = inputs.map((input, index) => engine.decode(format, blockOf(input), index, length))
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
