import type { Sparsify } from './contribution-kernel.ts'
import type { Cut } from './cut.ts'
import { blockEngine } from './simd-block-engine.ts'

/** Which part of an order by magnitude is kept. Plain data. */
export type KeptRange = 'none' | 'all' | { behind: Cut | null; upTo: Cut }

/** Keeps what stands in a range of the order by magnitude. */
export function keepRange(range: KeptRange): Sparsify {
  const engine = blockEngine()
  if (typeof range === 'string') {
    return (_differences, _first, count) => {
      engine.selected.fill(range === 'all' ? -1 : 0, 0, 2 * count)
      return range === 'all' ? count : 0
    }
  }
  return (differences, first, count) => engine.selectBetween(differences, first, count, range.behind, range.upTo)
}
