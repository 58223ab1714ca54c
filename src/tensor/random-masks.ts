import type { Numbers, Scale } from './block-engine.ts'
import type { Sparsify } from './contribution-kernel.ts'
import { blockEngine } from './simd-block-engine.ts'

/** Two words of a digest of what a mask belongs to. */
export type MaskKey = readonly [number, number]

/**
 * Random numbers from 0 up to before 1, one for each of at most 4,096 elements from `first` on: a function of key and element alone.
 * Element j takes the words (0, 1) or (2, 3) of the Philox block j / 2, as j is even or odd. They are valid until the next call.
 */
export function uniformsAt(key: MaskKey, first: number, count: number): Float64Array {
  const engine = blockEngine()
  const block = Math.floor(first / 2)
  const skipped = first - 2 * block
  engine.fillUniforms(key, block, Math.ceil((skipped + count) / 2))
  return engine.uniforms.subarray(skipped, skipped + count)
}

/** Selects each element with its probability. @returns how many are selected */
export function selectAtRandom(key: MaskKey, probabilities: Numbers, first: number, count: number): number {
  return blockEngine().selectBelow(uniformsAt(key, first, count), probabilities, count)
}

/** Keeps each entry with one probability, scaled. */
export function randomSparsify(key: MaskKey, probability: number, scale: Scale): Sparsify {
  const engine = blockEngine()
  return (x, base, first, count, dropped) =>
    engine.keepBelow(x, base, scale, uniformsAt(key, first, count), probability, count, dropped)
}
