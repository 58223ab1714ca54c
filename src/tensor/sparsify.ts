import type { Sparsify } from './contribution-kernel.ts'
import { type Cut, isWithin } from './order-cuts.ts'

/** Keeps nothing. */
const keepNone: Sparsify = (differences, _first, count, dropped) => {
  differences.fill(dropped, 0, count)
  return 0
}

/** Keeps everything. */
const keepAll: Sparsify = (_differences, _first, count, _dropped, used) => {
  used.fill(1, 0, count)
  return count
}

/** Keeps those behind one cut of the order by magnitude, if there is one, up to another. */
function keepBetween(behind: Cut | null, upTo: Cut): Sparsify {
  const { value, last } = upTo
  const isPlain = behind === null && !Number.isNaN(value)
  return (differences, first, count, dropped, used) => {
    let kept = 0
    for (let j = 0; j < count; j += 1) {
      const magnitude = Math.abs(differences[j] ?? 0)
      // NaN is the largest there is, so that what is not less stands before the cut.
      const keep = isPlain
        ? !(magnitude < value) && (magnitude !== value || first + j <= last)
        : isWithin(magnitude, first + j, upTo) && !(behind && isWithin(magnitude, first + j, behind))
      if (keep) {
        used[j] = 1
        kept += 1
      } else differences[j] = dropped
    }
    return kept
  }
}

/** Which part of an order by magnitude is kept. Plain data. */
export type KeptRange = 'none' | 'all' | { behind: Cut | null; upTo: Cut }

export function keepRange(range: KeptRange): Sparsify {
  if (range === 'none') return keepNone
  return range === 'all' ? keepAll : keepBetween(range.behind, range.upTo)
}
