import type { TermScores } from './objective.ts'
import { type Direction, goodness } from './ranking.ts'

/** Most comparisons of two points in one turn of the event loop: some milliseconds. */
const comparisonsOfTurn = 500_000

type Point = { index: number; goodness: readonly number[] }

/**
 * Returns the Pareto front of some points: the indices, in order, of those that no other point beats. One point beats another if it is as good
 * in all terms, and better in one. Equal points do not beat each other. A point without a score in a term is not in the front, and beats none.
 *
 * @param points the scores of each point, one for each direction
 * @param pause lets others have a turn of the event loop
 */
export async function paretoFront(
  points: readonly TermScores[],
  directions: readonly Direction[],
  pause: () => Promise<unknown>,
): Promise<number[]> {
  const complete = points.flatMap((scores, index): Point[] => {
    const each = directions.map((direction, term) => goodness(scores[term] ?? null, direction))
    return each.every(Number.isFinite) ? [{ index, goodness: each }] : []
  })
  // In this order a point is only beaten by earlier ones. Of those, one in the front beats it, too.
  const sorted = complete.toSorted((a, b) => compareGoodness(b, a) || a.index - b.index)
  const front: Point[] = []
  let compared = 0
  for (const point of sorted) {
    const beating = front.findIndex(each => beats(each, point))
    compared += beating < 0 ? front.length : beating + 1
    if (beating < 0) front.push(point)
    // A point that beats one of the points often beats the next one.
    else front.unshift(...front.splice(beating, 1))
    if (compared < comparisonsOfTurn) continue
    compared = 0
    await pause()
  }
  return front.map(({ index }) => index).toSorted((a, b) => a - b)
}

/** Compares two points by their first term in which they differ. */
function compareGoodness(a: Point, b: Point): number {
  for (const [term, value] of a.goodness.entries()) {
    const other = b.goodness[term] ?? 0
    if (value !== other) return value < other ? -1 : 1
  }
  return 0
}

function beats(a: Point, b: Point): boolean {
  let isBetter = false
  for (const [term, value] of a.goodness.entries()) {
    const other = b.goodness[term] ?? 0
    if (value < other) return false
    if (value > other) isBetter = true
  }
  return isBetter
}
