import type { BlockEngine } from './block-engine.ts'
import type { BlockKernel } from './block-kernel.ts'
import { plainBlockEngine } from './plain-block-engine.ts'

const pageBytes = 64 * 1024
/** Behind what the compiler may keep: a table of counts, then three numbers for each element of a row. */
const tableAt = pageBytes
const firstAt = 2 * pageBytes
const elementBytes = 3 * Float64Array.BYTES_PER_ELEMENT
/** WebAssembly addresses 4 GiB. */
const longestRow = Math.floor((2 ** 32 - 2 * firstAt) / elementBytes)

/**
 * Ranks rows of any length, in a kernel of its own whose memory grows with them.
 * @param start starts that kernel, once there is a row
 */
export function longRowRanker(start: () => BlockKernel): Pick<BlockEngine, 'rankRows'> {
  let kernel: BlockKernel | undefined
  return {
    rankRows(x, b, from, rows, length, probabilities, into) {
      if (length > longestRow) return plainBlockEngine().rankRows(x, b, from, rows, length, probabilities, into)
      kernel ??= start()
      const { memory } = kernel
      const missing = firstAt + length * elementBytes - memory.buffer.byteLength
      if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
      const rowBytes = length * Float64Array.BYTES_PER_ELEMENT
      const own = new Float64Array(memory.buffer, firstAt, length)
      const base = new Float64Array(memory.buffer, firstAt + rowBytes, length)
      const spareAt = firstAt + 2 * rowBytes
      const { largest, span } = probabilities
      for (let start = from; start < from + rows * length; start += length) {
        own.set(x.subarray(start, start + length))
        base.set(b.subarray(start, start + length))
        kernel.rankLongRow(own.byteOffset, base.byteOffset, length, largest, span, spareAt, tableAt)
        into.set(own, start)
      }
    },
  }
}
