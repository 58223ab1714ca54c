import type { BlockChanges } from './block-changes.ts'
import type { BlockKernel } from './block-kernel.ts'
import { bytesOfVectors } from './simd-layout.ts'
import type { SimdMemory } from './simd-memory.ts'

/** How the kernel divides a sum of changes (kernel/changes.ts). */
const [notDivided, byNumber, byAgreeingWeights] = [0, 1, 2]

/** Returns the changes by the kernel. */
export function simdChanges(kernel: BlockKernel, memory: SimdMemory): BlockChanges {
  const { selected, used, output } = memory.arrays
  return {
    subtract: (x, b, count) => void kernel.subtract(memory.owned(x), memory.owned(b), bytesOfVectors(count)),
    distance: (x, b, count) => void kernel.distance(memory.owned(x), memory.owned(b), bytesOfVectors(count)),
    keepBetween(x, b, first, count, behind, upTo, dropped) {
      const [xAt, bAt] = [memory.owned(x), memory.owned(b)]
      let kept = 0
      // Elements equal to a cut's value are within the cut up to its last index. So the range is split there, and each
      // part is compared in one way.
      for (let from = 0; from < count; ) {
        const index = first + from
        const ends = [upTo.last, behind?.last ?? -1].filter(last => last >= index).map(last => last + 1 - first)
        const until = Math.min(count, ...ends)
        const skipped = from * Float64Array.BYTES_PER_ELEMENT
        const fromBehind = [behind?.value ?? Number.NaN, behind && index <= behind.last ? 1 : 0] as const
        const cuts = [...fromBehind, upTo.value, index <= upTo.last ? 1 : 0, dropped] as const
        kept += kernel.keepBetween(xAt + skipped, bAt + skipped, until - from, ...cuts, used.byteOffset + skipped)
        from = until
      }
      return kept
    },
    keepBelow(x, b, scale, numbers, probabilities, count, dropped) {
      const [scales, divides] = 'factor' in scale ? [scale.factor, 0] : [scale.divisors, 1]
      const scaledBy = [...memory.numbers(scales, count, 0), divides] as const
      const below = [memory.readable(numbers, count, 2), ...memory.numbers(probabilities, count, 1)] as const
      const end = [count, dropped, used.byteOffset] as const
      return kernel.keepBelow(memory.owned(x), memory.owned(b), ...scaledBy, ...below, ...end)
    },
    drop: (x, dropped, count) =>
      void kernel.drop(memory.owned(x), selected.byteOffset, dropped, used.byteOffset, bytesOfVectors(count)),
    change(terms, base, { weights, votes, lambda, divisor, zero }, count) {
      const sources = [memory.terms(terms), memory.weights(weights)] as const
      const how = divisor === null ? notDivided : divisor === 'agreeing' ? byAgreeingWeights : byNumber
      const by = typeof divisor === 'number' ? divisor : 1
      const from = [terms.length, memory.owned(base), used.byteOffset, lambda, how, by] as const
      let conflicts = 0
      if (votes)
        conflicts = kernel.electChanges(...sources, memory.votes(votes), ...from, zero, count, output.byteOffset)
      else kernel.addChanges(...sources, ...from, bytesOfVectors(count), output.byteOffset)
      return { conflicts, copiesNaN: kernel.copiedNaN() !== 0 }
    },
  }
}
