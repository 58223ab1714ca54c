import { blockEngine } from '../../tensor/block-engine.ts'
import type { RankProbabilities } from '../../tensor/blocks/block-ranks.ts'
import type { ElementReader } from '../element-reader.ts'
import { StridedRanks } from './strided-ranks.ts'

/**
 * Writes the probability of each of `count` elements from `first` on, given their values in a model and in the base.
 * The probability depends on the element's rank by size in its row, the largest change first.
 */
export type ProbabilitiesOf = (
  x: Float64Array,
  base: Float64Array,
  first: number,
  count: number,
  into: Float64Array,
) => void

/**
 * Returns a function that writes probabilities by rank.
 * @param model index of a model among the sources; the `models` models come before the base
 */
export function rankProbabilities(
  reader: ElementReader,
  model: number,
  models: number,
  byRank: RankProbabilities,
): ProbabilitiesOf {
  const { outer, units } = reader.rows
  const isInOnePiece = outer === 1 && units === 1
  return (isInOnePiece ? ofWholeRows : ofStridedRows)(reader, model, models, byRank)
}

/** Holds one row at a time; most of a long row is in other blocks. */
function ofWholeRows(reader: ElementReader, model: number, models: number, byRank: RankProbabilities): ProbabilitiesOf {
  const engine = blockEngine()
  const length = reader.rows.inner
  const probabilities = new Float64Array(length)
  const [row, origin] = [new Float64Array(length), new Float64Array(length)]
  let known = -1

  /** Reads a row that is not complete in the block, once. */
  const readRow = (index: number) => {
    const into: Float64Array[] = []
    into[model] = row
    into[models] = origin
    reader.read(index * length, into)
  }

  return (x, base, first, count, result) => {
    for (let from = 0; from < count; ) {
      const index = Math.floor((first + from) / length)
      const start = index * length - first
      const rows = start === from ? Math.floor((count - from) / length) : 0
      if (rows > 0) {
        engine.rankRows(x, base, from, rows, length, byRank, result)
        from += rows * length
        continue
      }
      if (known !== index) {
        readRow(index)
        engine.rankRows(row, origin, 0, 1, length, byRank, probabilities)
        known = index
      }
      const until = Math.min(count, start + length)
      result.set(probabilities.subarray(from - start, until - start), from)
      from = until
    }
  }
}

function ofStridedRows(
  reader: ElementReader,
  model: number,
  models: number,
  { largest, span }: RankProbabilities,
): ProbabilitiesOf {
  const length = reader.rows.outer * reader.rows.inner
  const byPlace = Float64Array.from({ length }, (_, place) =>
    Math.max(0, Math.min(1, largest - (span * place) / (length - 1))),
  )
  const window = new StridedRanks(reader, model, models)
  return (_x, _base, first, count, result) => {
    for (let j = 0; j < count; ) {
      window.moveTo(first + j)
      const until = Math.min(count, window.end - first)
      for (; j < until; j += 1) result[j] = byPlace[window.ranks[first + j - window.first] ?? 0] ?? 0
    }
  }
}
