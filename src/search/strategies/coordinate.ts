import type { StrategyParameters } from '../../../schemas/search.ts'
import { byScore } from '../by-score.ts'
import { roundWeights } from '../simplex.ts'
import { everyModel, type Strategy, scoreSingles } from '../strategy.ts'
import { candidateOf, equalRows, type WeightRows } from '../weight-rows.ts'

/** Rounds over all weights. With scores that improve by ever less the search would go on for long; most end within 10. */
const maximumRounds = 20

/**
 * Coordinate ascent on the simplex, from the better of the mean of all and the best model: one weight at a time is moved up and
 * down by a step, the others rescaled, and the better of both taken if it is better than before. When a round moves nothing, the
 * step is halved. Both moves of a weight are scored side by side; those of several weights are not, since each starts from where
 * the one before has led.
 */
export function coordinate({ step: firstStep, minimumStep }: StrategyParameters<'coordinate'>): Strategy {
  return {
    candidates: (models, groups) => models + 1 + maximumRounds * (groups + 1) * models * 2,
    async run(context) {
      const { models, groups } = context
      const singles = await scoreSingles(context)
      const [equal = Number.NEGATIVE_INFINITY] = await context.score([everyModel(models)])
      const [first = 0] = byScore(singles)
      const bestSingle = singles[first] ?? Number.NEGATIVE_INFINITY
      let rows: WeightRows =
        equal > bestSingle
          ? equalRows(models, groups)
          : equalRows(models, groups).map(row => row.map((_, model) => (model === first ? 1 : 0)))
      let best = Math.max(equal, bestSingle)

      /** The moves of the weight after this one, if this one stays; none at the end of a round, when the step may change. */
      const nextMoves = (row: number, model: number, step: number): WeightRows[] => {
        if (model + 1 < models) return movedRows(rows, row, model + 1, step)
        return row < groups ? movedRows(rows, row + 1, 0, step) : []
      }

      /** @returns whether the weight of a model in a row was moved */
      const move = async (row: number, model: number, step: number): Promise<boolean> => {
        const moves = movedRows(rows, row, model, step)
        const scoring = context.score(moves.map(candidateOf))
        // A weight of 0 has one move only, and most moves are turned down: those of the next weight can be scored beside it.
        for (const ahead of nextMoves(row, model, step)) context.anticipate(candidateOf(ahead))
        const scores = await scoring
        const [better = 0] = byScore(scores)
        const score = scores[better] ?? Number.NEGATIVE_INFINITY
        if (!(score > best)) return false
        rows = moves[better] ?? rows
        best = score
        return true
      }

      let step = firstStep
      for (let round = 0; round < maximumRounds && step >= minimumStep; round += 1) {
        let moved = false
        for (let row = 0; row <= groups; row += 1)
          for (let model = 0; model < models; model += 1) moved = (await move(row, model, step)) || moved
        if (!moved) step /= 2
      }
      return {}
    },
  }
}

/** The rows with one weight a step higher, and a step lower, where that is another point of the simplex. */
function movedRows(rows: WeightRows, row: number, model: number, step: number): WeightRows[] {
  const weights = rows[row] ?? []
  const before = weights[model] ?? 0
  return [Math.min(1, before + step), Math.max(0, before - step)].flatMap(after => {
    // A model that has all the weight cannot give any away: nothing says to whom.
    if (after === before || before === 1) return []
    const scale = (1 - after) / (1 - before)
    const moved = roundWeights(weights.map((weight, index) => (index === model ? after : weight * scale)))
    return [rows.map((each, index) => (index === row ? moved : each))]
  })
}
