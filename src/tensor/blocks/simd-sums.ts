import type { BlockKernel } from './block-kernel.ts'
import type { BlockSums } from './block-sums.ts'
import { bytesOfVectors } from './simd-layout.ts'
import type { SimdMemory } from './simd-memory.ts'

/** Returns the sums by the kernel. */
export function simdSums(kernel: BlockKernel, memory: SimdMemory): BlockSums {
  const { output, variances } = memory.arrays
  return {
    vary(terms, count) {
      kernel.variances(memory.terms(terms), terms.length, bytesOfVectors(count), variances.byteOffset)
    },
    weigh(terms, factors, weights, least, count) {
      const from = [memory.terms(terms), memory.factors(factors), memory.weights(weights), terms.length] as const
      kernel.weighedMean(...from, least, bytesOfVectors(count), output.byteOffset)
    },
    approachMean(terms, base, t, count) {
      const from = [memory.terms(terms), terms.length, memory.owned(base)] as const
      kernel.betweenBaseAndMean(...from, t, bytesOfVectors(count), output.byteOffset)
    },
    dotProducts(a, b, count, sums) {
      const addresses = [...a, ...b].map((array, spare) => memory.readable(array, count, spare))
      // The kernel takes whole vectors. A last odd element is added here.
      const even = count - (count % 2)
      kernel.dotProducts(...addresses, bytesOfVectors(even), memory.dots.byteOffset)
      sums.set(memory.dots)
      if (even === count) return
      for (const [i, x] of a.entries()) {
        for (const [j, y] of b.entries())
          sums[i * b.length + j] = (sums[i * b.length + j] ?? 0) + (x[even] ?? 0) * (y[even] ?? 0)
      }
    },
  }
}
