import { blockEngine } from './block-engine.ts'
import type { Sparsify } from './contribution-kernel.ts'
import type { Cut } from './cut.ts'

/** The part of an order by magnitude that is kept. Plain data. */
export type KeptRange = 'none' | 'all' | { behind: Cut | null; upTo: Cut }

/** Returns a Sparsify that keeps the elements in a range of the order by magnitude. */
export function keepRange(range: KeptRange): Sparsify {
  const engine = blockEngine()
  if (typeof range === 'string') {
    return (x, base, _first, count, dropped) => {
      if (range === 'none') {
        x.fill(dropped, 0, count)
        return 0
      }
      engine.subtract(x, base, count)
      engine.used.fill(-1, 0, 2 * count)
      return count
    }
  }
  return (x, base, first, count, dropped) =>
    engine.keepBetween(x, base, first, count, range.behind, range.upTo, dropped)
}
