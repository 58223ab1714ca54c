import { blockEngine } from './block-engine.ts'
import type { Numbers } from './blocks/block-arrays.ts'
import type { Scale } from './blocks/block-changes.ts'
import type { Sparsify } from './contribution-kernel.ts'

/** Two 32-bit words, from a digest of the tensor and model that a mask belongs to. */
export type MaskKey = readonly [number, number]

/**
 * Returns random numbers in [0, 1) for at most 4,096 elements, from element `first` on. They depend only on the key and
 * on the element's index. Element j takes the words (0, 1) of the Philox block floor(j / 2) if j is even, and the words
 * (2, 3) if j is odd. The array is valid until the next call.
 */
export function uniformsAt(key: MaskKey, first: number, count: number): Float64Array {
  const engine = blockEngine()
  const block = Math.floor(first / 2)
  const skipped = first - 2 * block
  engine.fillUniforms(key, block, Math.ceil((skipped + count) / 2))
  return engine.uniforms.subarray(skipped, skipped + count)
}

/** Selects each element with its probability. Returns the number of selected elements. */
export function selectAtRandom(key: MaskKey, probabilities: Numbers, first: number, count: number): number {
  return blockEngine().selectBelow(uniformsAt(key, first, count), probabilities, count)
}

/** Returns a Sparsify that keeps each entry with one probability, and scales it. */
export function randomSparsify(key: MaskKey, probability: number, scale: Scale): Sparsify {
  const engine = blockEngine()
  return (x, base, first, count, dropped) =>
    engine.keepBelow(x, base, scale, uniformsAt(key, first, count), probability, count, dropped)
}
