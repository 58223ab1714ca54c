import type { ByteSource } from '../onnx/byte-source.ts'
import { runKernel } from '../tensor/element-kernel.ts'
import { floatFormat } from '../tensor/float-format.ts'
import type { SumBuffers, SumResult } from '../tensor/sum-engine.ts'
import { elementReader } from './element-reader.ts'
import type { PlannedTensor } from './merge-plan.ts'
import { methodNamed } from './methods/merge-method-registry.ts'
import type { ElementOperation } from './operation.ts'

/** Counts of a method, by name. */
export type Counts = Record<string, number>

/**
 * Computes `count` elements of one tensor, from element `first` on, out of the buffers of all sources. The first
 * `uncounted` elements were computed before, and are not counted again.
 */
export type ElementComputer = (buffers: SumBuffers, first: number, count: number, uncounted: number) => SumResult

/** The type of {@link elementComputer}, for code that loads it only if needed. */
export type ElementComputing = typeof elementComputer

/** Returns a computer for a tensor by its method. `counts`: counts are added to it. */
export function elementComputer(
  tensor: PlannedTensor,
  { method, settings, constants }: ElementOperation,
  sources: readonly ByteSource[],
  counts: Counts,
): ElementComputer {
  const format = floatFormat(tensor.dtype)
  const kernel = methodNamed(method).kernel(settings, constants, elementReader(tensor, sources))
  const reset = () => {
    for (const name of Object.keys(kernel.counts)) kernel.counts[name] = 0
  }
  return ({ inputs: buffers, output }, first, count, uncounted) => {
    const inputs = buffers.slice(0, sources.length)
    const run = (from: number, length: number) => {
      const parts = inputs.map(input => input.subarray(from * format.bytes))
      return runKernel(kernel, format, parts, first + from, length, output.subarray(from * format.bytes))
    }
    const before = uncounted > 0 ? run(0, uncounted) : { computed: false, nonFinite: 0 }
    reset()
    const now = run(uncounted, count - uncounted)
    for (const [name, value] of Object.entries(kernel.counts)) counts[name] = (counts[name] ?? 0) + value
    reset()
    return { computed: before.computed || now.computed, nonFinite: before.nonFinite + now.nonFinite }
  }
}
