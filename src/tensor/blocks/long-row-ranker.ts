import type { BlockKernel } from './block-kernel.ts'
import type { BlockRanks } from './block-ranks.ts'
import { plainRankRows } from './plain-ranks.ts'
import { pageBytes } from './simd-layout.ts'

/**
 * The first page is left to the compiler. Then follow a table of counts, and three numbers for each element of a row.
 */
const tableAt = pageBytes
const firstAt = 2 * pageBytes
const elementBytes = 3 * Float64Array.BYTES_PER_ELEMENT
/** WebAssembly addresses at most 4 GiB. */
const longestRow = Math.floor((2 ** 32 - 2 * firstAt) / elementBytes)

/**
 * Returns {@link BlockRanks.rankRows} for rows of any length. It uses a separate kernel, whose memory grows with the
 * rows.
 * @param start starts that kernel; called for the first row
 */
export function longRowRanker(start: () => BlockKernel): BlockRanks['rankRows'] {
  let kernel: BlockKernel | undefined
  return (x, b, from, rows, length, probabilities, into) => {
    if (length > longestRow) return plainRankRows(x, b, from, rows, length, probabilities, into)
    kernel ??= start()
    const { memory } = kernel
    const missing = firstAt + length * elementBytes - memory.buffer.byteLength
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
    const rowBytes = length * Float64Array.BYTES_PER_ELEMENT
    const row = new Float64Array(memory.buffer, firstAt, length)
    const base = new Float64Array(memory.buffer, firstAt + rowBytes, length)
    const spareAt = firstAt + 2 * rowBytes
    const { largest, span } = probabilities
    for (let start = from; start < from + rows * length; start += length) {
      row.set(x.subarray(start, start + length))
      base.set(b.subarray(start, start + length))
      kernel.rankLongRow(row.byteOffset, base.byteOffset, length, largest, span, spareAt, tableAt)
      into.set(row, start)
    }
  }
}
