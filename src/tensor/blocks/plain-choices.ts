import { isBetween } from '../cut.ts'
import { philox } from '../random.ts'
import { type BlockArrays, numberAt, setMask } from './block-arrays.ts'
import type { BlockChoices } from './block-choices.ts'

/** Returns the choices in plain loops. */
export function plainChoices({ selected, uniforms }: BlockArrays): BlockChoices {
  const select = (count: number, isSelected: (j: number) => boolean) => {
    let kept = 0
    for (let j = 0; j < count; j += 1) {
      const keep = isSelected(j)
      setMask(selected, j, keep)
      if (keep) kept += 1
    }
    return kept
  }
  return {
    selectBetween: (keys, first, count, behind, upTo) =>
      select(count, j => isBetween(Math.abs(keys[j] ?? 0), first + j, behind, upTo)),
    selectBelow: (numbers, probabilities, count) => select(count, j => (numbers[j] ?? 0) < numberAt(probabilities, j)),
    fillUniforms(key, firstBlock, blocks) {
      for (let index = 0; index < blocks; index += 1) {
        const counter = firstBlock + index
        const [r0, r1, r2, r3] = philox([counter >>> 0, Math.floor(counter / 0x100000000), 0, 0], key)
        uniforms[2 * index] = ((r0 >>> 5) * 0x4000000 + (r1 >>> 6)) * 2 ** -53
        uniforms[2 * index + 1] = ((r2 >>> 5) * 0x4000000 + (r3 >>> 6)) * 2 ** -53
      }
    },
  }
}
