import type { Sparsify } from './contribution-kernel.ts'
import { kernelBlock } from './element-kernel.ts'
import { philox } from './random.ts'

/** Two words of a digest of what a mask belongs to. */
export type MaskKey = readonly [number, number]

/** What random numbers are multiples of, up to before 1. */
const unit = 2 ** -53

/**
 * Fills `uniforms` with random numbers from 0 up to before 1, one for each element from `first` on: a function of key and element
 * alone. Element j takes the words (0, 1) or (2, 3) of the Philox block j / 2, as j is even or odd.
 */
export function fillUniforms(key: MaskKey, first: number, count: number, uniforms: Float64Array): void {
  for (let j = 0; j < count; ) {
    const block = Math.floor((first + j) / 2)
    const words = philox([block >>> 0, Math.floor(block / 0x100000000), 0, 0], key)
    for (let half = (first + j) % 2; half < 2 && j < count; half += 1, j += 1)
      uniforms[j] = (((words[2 * half] ?? 0) >>> 5) * 0x4000000 + ((words[2 * half + 1] ?? 0) >>> 6)) * unit
  }
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
