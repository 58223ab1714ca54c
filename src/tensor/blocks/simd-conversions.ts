import type { BlockConversions } from './block-conversions.ts'
import type { BlockKernel } from './block-kernel.ts'
import { plainFinish } from './plain-conversions.ts'
import { bytesOfVectors, simdLayout, storedBytes } from './simd-layout.ts'
import type { SimdMemory } from './simd-memory.ts'

/** Returns the conversions: by the kernel for most types, and by plain loops for the others. */
export function simdConversions(kernel: BlockKernel, memory: SimdMemory): BlockConversions {
  const { source, output } = memory.arrays
  const { rounded } = memory
  /** Elements of types that plain loops round; they stay in the caller's memory. */
  const elsewhere: Uint8Array[] = []
  const finishPlain = plainFinish(output)
  return {
    decode(format, elements, index, count) {
      const values = source(index)
      const stored = () => memory.stored(index, elements.subarray(0, format.bytes * count))
      if (format.dtype === 'float32') {
        kernel.decodeFloat32(stored(), bytesOfVectors(count), values.byteOffset)
        return values
      }
      elsewhere[index] = elements
      const isBfloat16 = format.dtype === 'bfloat16'
      if (isBfloat16 || format.dtype === 'float16')
        kernel.decodeSixteenBits(isBfloat16 ? 1 : 0, stored(), bytesOfVectors(count), values.byteOffset)
      else format.begin(values, elements, count, 1)
      return values
    },
    finish(format, compared, count, target) {
      if (format.dtype !== 'float32') return finishPlain(format, elsewhere.slice(0, compared), count, target)
      const from = [simdLayout.stored, storedBytes, compared] as const
      const nonFinite = kernel.finishFloat32(output.byteOffset, count, ...from, rounded.byteOffset)
      target.set(rounded.subarray(0, format.bytes * count))
      return { identical: kernel.countedIdentical(), nonFinite }
    },
  }
}
