import type { BlockKernel } from './block-kernel.ts'
import type { BlockRanks } from './block-ranks.ts'
import { longRowRanker } from './long-row-ranker.ts'
import type { SimdMemory } from './simd-memory.ts'

/** The longest row of which the kernel ranks many at a time (kernel/ranks.ts). */
const longestShortRow = 16

/**
 * Returns the ranks by the kernel.
 * @param start starts another kernel, for rows longer than 16 elements
 */
export function simdRanks(kernel: BlockKernel, memory: SimdMemory, start: () => BlockKernel): BlockRanks {
  const { gathered, places } = memory.arrays
  const ranked = memory.copy(2)
  const rankLongRows = longRowRanker(start)
  return {
    gatherBetween(keys, count, low, high) {
      const into = [gathered.byteOffset, places.byteOffset] as const
      const found = kernel.gatherBetween(memory.readable(keys, count, 0), count, low, high, ...into)
      return { gathered: found, above: kernel.countedAbove() }
    },
    rankRows(x, b, from, rows, length, probabilities, into) {
      if (length > longestShortRow) return rankLongRows(x, b, from, rows, length, probabilities, into)
      const { largest, span } = probabilities
      const count = from + rows * length
      const skipped = from * Float64Array.BYTES_PER_ELEMENT
      const sources = [memory.readable(x, count, 0) + skipped, memory.readable(b, count, 1) + skipped] as const
      kernel.rankShortRows(...sources, rows, length, largest, span, ranked.byteOffset)
      into.set(ranked.subarray(0, rows * length), from)
    },
  }
}
