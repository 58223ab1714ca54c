import type { StrategyParameters } from '../../../schemas/strategy.ts'
import { byScore } from '../by-score.ts'
import { parametersAtPlaces, roundPlace, startOf } from '../dimension.ts'
import { roundWeights } from '../simplex.ts'
import { everyModel, type Strategy, scoreSingles } from '../strategy.ts'
import { candidateOf, equalRows, type WeightRows } from '../weight-rows.ts'

/**
 * The largest number of rounds over all weights. Most searches end within 10; scores that improve by ever smaller steps
 * would prolong the others.
 */
const maximumRounds = 20

/**
 * Coordinate ascent on the simplex. It starts from the mean of all models or from the best model, the better of the
 * two. A move raises or lowers one weight by a step and rescales the others. The better of both moves is kept if it
 * improves the score. After a round without an improvement, the step is halved.
 * Both moves of a weight are scored at the same time. Moves of different weights are not, since each starts from the
 * result of the one before. Parameters of the method are moved in the same way, each in its range.
 */
export function coordinate({ step: firstStep, minimumStep }: StrategyParameters<'coordinate'>): Strategy {
  return {
    candidates: (models, groups, dimensions = 0) =>
      models + 1 + maximumRounds * ((groups + 1) * models + dimensions) * 2,
    async run(context) {
      const { models, groups, dimensions = [], hasWeights = true } = context
      const singles = await scoreSingles(context)
      const [equal = Number.NEGATIVE_INFINITY] = await context.score([everyModel(models)])
      const [first = 0] = byScore(singles)
      const bestSingle = singles[first] ?? Number.NEGATIVE_INFINITY
      const fromSingle = hasWeights && bestSingle >= equal
      const rowsAtStart = hasWeights ? equalRows(models, groups) : [everyModel(models).weights]
      let point: Point = {
        rows: fromSingle ? rowsAtStart.map(row => row.map((_, model) => (model === first ? 1 : 0))) : rowsAtStart,
        places: dimensions.map(startOf),
      }
      let best = fromSingle ? bestSingle : equal
      const axes: Axis[] = [
        ...(hasWeights ? point.rows.flatMap((row, index) => row.map((_, model) => ({ row: index, model }))) : []),
        ...dimensions.map((_, dimension) => ({ dimension })),
      ]
      const candidateAt = ({ rows, places }: Point) => candidateOf(rows, parametersAtPlaces(dimensions, places))

      /** Tries both moves along an axis; returns true if one of them improved the score. */
      const move = async (index: number, step: number): Promise<boolean> => {
        const [axis, next] = [axes[index], axes[index + 1]]
        if (!axis) return false
        const moves = moved(point, axis, step)
        const scoring = context.score(moves.map(candidateAt))
        // A weight of 0 has only one move, and most moves are rejected. So the moves of the next axis are scored at the
        // same time. The last axis of a round anticipates nothing, because the step may change.
        for (const ahead of next ? moved(point, next, step) : []) context.anticipate(candidateAt(ahead))
        const scores = await scoring
        const [better = 0] = byScore(scores)
        const score = scores[better] ?? Number.NEGATIVE_INFINITY
        if (!(score > best)) return false
        point = moves[better] ?? point
        best = score
        return true
      }

      let step = firstStep
      for (let round = 0; round < maximumRounds && step >= minimumStep; round += 1) {
        let hasMoved = false
        for (const index of axes.keys()) hasMoved = (await move(index, step)) || hasMoved
        if (!hasMoved) step /= 2
      }
      return {}
    },
  }
}

/** A point of the search: weights, and places of parameters in their ranges (0 to 1). */
type Point = { rows: WeightRows; places: readonly number[] }
type Axis = { row: number; model: number } | { dimension: number }

function moved({ rows, places }: Point, axis: Axis, step: number): Point[] {
  if ('row' in axis) return movedRows(rows, axis.row, axis.model, step).map(each => ({ rows: each, places }))
  const before = places[axis.dimension] ?? 0
  return [Math.min(1, before + step), Math.max(0, before - step)].flatMap(after => {
    const place = roundPlace(after)
    if (place === before) return []
    return [{ rows, places: places.map((each, index) => (index === axis.dimension ? place : each)) }]
  })
}

/** Returns the rows with one weight a step higher, and a step lower. Leaves out a move that changes nothing. */
function movedRows(rows: WeightRows, row: number, model: number, step: number): WeightRows[] {
  const weights = rows[row] ?? []
  const before = weights[model] ?? 0
  return [Math.min(1, before + step), Math.max(0, before - step)].flatMap(after => {
    // A model with all the weight cannot lower it: no ratio says how the others share the rest.
    if (after === before || before === 1) return []
    const scale = (1 - after) / (1 - before)
    const moved = roundWeights(weights.map((weight, index) => (index === model ? after : weight * scale)))
    return [rows.map((each, index) => (index === row ? moved : each))]
  })
}
