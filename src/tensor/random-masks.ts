import type { Sparsify } from './contribution-kernel.ts'
import { kernelBlock } from './element-kernel.ts'
import { blockEngine } from './simd-block-engine.ts'

/** Two words of a digest of what a mask belongs to. */
export type MaskKey = readonly [number, number]

/**
 * Fills `uniforms` with random numbers from 0 up to before 1, one for each of at most 4,096 elements from `first` on: a function of key
 * and element alone. Element j takes the words (0, 1) or (2, 3) of the Philox block j / 2, as j is even or odd.
 */
export function fillUniforms(key: MaskKey, first: number, count: number, uniforms: Float64Array): void {
  const engine = blockEngine()
  const block = Math.floor(first / 2)
  const skipped = first - 2 * block
  engine.fillUniforms(key, block, Math.ceil((skipped + count) / 2))
  uniforms.set(engine.uniforms.subarray(skipped, skipped + count))
}

/** Keeps each entry with one probability, scaled. */
export function randomSparsify(
  key: MaskKey,
  probability: number,
  scale: { factor: number } | { divisor: number },
): Sparsify {
  const uniforms = new Float64Array(kernelBlock)
  return (differences, first, count, dropped, used) => {
    fillUniforms(key, first, count, uniforms)
    let kept = 0
    for (let j = 0; j < count; j += 1) {
      if ((uniforms[j] ?? 0) < probability) {
        const d = differences[j] ?? 0
        differences[j] = 'factor' in scale ? d * scale.factor : d / scale.divisor
        used[j] = 1
        kept += 1
      } else differences[j] = dropped
    }
    return kept
  }
}
