import type { FloatFormat } from './float-format.ts'
import { kernelBlock } from './kernel-block.ts'
import { blockEngine } from './simd-block-engine.ts'
import { copyIdentical } from './weighted-sum.ts'

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

/** Memory that element kernels are run in, one after the other. */
export type KernelScratch = { inputs: Float64Array[]; shared: Uint32Array }

export function kernelScratch(inputs: number): KernelScratch {
  return {
    inputs: Array.from({ length: inputs }, (_, index) => blockEngine().source(index)),
    shared: new Uint32Array(kernelBlock),
  }
}

/**
 * Runs a kernel over `count` elements, the first of which is element `first` of the tensor, and rounds each once.
 * @param inputs one for each source
 * @returns whether any was computed (false: all were the same in every source and were copied)
 */
export function runKernel(
  kernel: ElementKernel,
  format: FloatFormat,
  inputs: readonly Uint8Array[],
  first: number,
  count: number,
  output: Uint8Array,
  scratch: KernelScratch,
): boolean {
  const { bytes: width } = format
  const engine = blockEngine()
  let copied = 0
  for (let from = 0; from < count; from += kernelBlock) {
    const length = Math.min(kernelBlock, count - from)
    const own = (bytes: Uint8Array) => bytes.subarray(from * width, (from + length) * width)
    const blocks = inputs.map(own)
    const target = own(output)
    for (const [index, block] of blocks.entries()) {
      const values = scratch.inputs[index]
      if (values) engine.decode(format, block, length, values)
    }
    kernel.compute(scratch.inputs, engine.output, first + from, length)
    engine.round(format, engine.output, length, target)
    const last = blocks.at(-1)
    for (const at of kernel.copiedNaN) {
      const bits = last?.subarray(at * width, (at + 1) * width)
      if (bits) target.set(bits, at * width)
    }
    if (kernel.compared > 0)
      copied += copyIdentical(width, blocks.slice(0, kernel.compared), length, target, scratch.shared)
  }
  return copied < count
}
