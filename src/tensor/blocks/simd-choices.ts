import type { BlockChoices } from './block-choices.ts'
import type { BlockKernel } from './block-kernel.ts'
import type { SimdMemory } from './simd-memory.ts'

/** Returns the choices by the kernel. */
export function simdChoices(kernel: BlockKernel, memory: SimdMemory): BlockChoices {
  const { selected, uniforms } = memory.arrays
  return {
    selectBetween(keys, first, count, behind, upTo) {
      const from = [memory.readable(keys, count, 0), first, count] as const
      const { value, last } = behind ?? { value: 0, last: 0 }
      const cuts = [behind ? 1 : 0, value, last, upTo.value, upTo.last] as const
      return kernel.selectBetween(...from, ...cuts, selected.byteOffset)
    },
    selectBelow(numbers, probabilities, count) {
      const below = [memory.readable(numbers, count, 1), ...memory.numbers(probabilities, count, 0)] as const
      return kernel.selectBelow(...below, count, selected.byteOffset)
    },
    fillUniforms([key0, key1], firstBlock, blocks) {
      const counter = [firstBlock >>> 0, Math.floor(firstBlock / 0x100000000)] as const
      kernel.fillUniforms(key0, key1, ...counter, blocks, uniforms.byteOffset)
    },
  }
}
