import type { StrategyParameters } from '../../../schemas/strategy.ts'
import { naturalLogarithm } from '../../tensor/transcendental.ts'
import { Distribution } from '../cma-distribution.ts'
import { parametersAtPlaces, roundPlace, startOf } from '../dimension.ts'
import { projectOntoSimplex, roundWeights } from '../simplex.ts'
import { everyModel, type Strategy } from '../strategy.ts'
import { candidateOf, equalRows, type WeightRows } from '../weight-rows.ts'

/**
 * How far each generation draws the mean back to the simplex, as a fraction of the distance. At 0 the mean drifts away
 * from the simplex, where many points are the same soup. At 1 the distribution shrinks too early at the border. Both
 * were tried with optima inside and at the border.
 */
const drawBack = 0.2

/**
 * CMA-ES (Hansen 2016, arXiv:1604.00772) over weights. A normal distribution starts around equal weights, and learns
 * from each generation where good soups lie. Each row of a point is moved to the nearest point of the simplex before it
 * is scored. Of equally good points, the one nearer to the simplex ranks first. Parameters of the method are further
 * dimensions, scaled from 0 to 1 over their ranges.
 */
export function cmaEs({ seed, generations, population, sigma }: StrategyParameters<'cmaEs'>): Strategy {
  const populationFor = (dimension: number) => population ?? 4 + Math.floor(3 * naturalLogarithm(dimension))
  return {
    candidates: (models, groups, dimensions = 0) =>
      models + 1 + generations * populationFor(models * (groups + 1) + dimensions),
    async run({ models, groups, dimensions = [], hasWeights = true, score }) {
      const weights = hasWeights ? models * (groups + 1) : 0
      const rowsOf = (x: readonly number[]) =>
        Array.from({ length: weights / models }, (_, row) => x.slice(row * models, (row + 1) * models))
      const start = [...(hasWeights ? equalRows(models, groups).flat() : []), ...dimensions.map(startOf)]
      const distribution = new Distribution(start, sigma, populationFor(start.length), seed)
      for (let generation = 0; generation < generations; generation += 1) {
        const points = distribution.sample().map((x, index) => {
          const rows = rowsOf(x)
          const nearest = rows.map(projectOntoSimplex)
          const places = x.slice(weights)
          const inside = places.map(place => Math.max(0, Math.min(1, place)))
          const distance = squaredDistance([...rows, places], [...nearest, inside])
          const weighed = hasWeights ? nearest.map(roundWeights) : [everyModel(models).weights]
          const candidate = candidateOf(weighed, parametersAtPlaces(dimensions, inside.map(roundPlace)))
          return { index, candidate, distance }
        })
        const scores = await score(points.map(({ candidate }) => candidate))
        const order = points.toSorted(
          (a, b) => compareScores(scores[a.index], scores[b.index]) || a.distance - b.distance || a.index - b.index,
        )
        distribution.update(
          order.map(({ index }) => index),
          mean => [
            ...rowsOf(mean).flatMap(row => drawnBack(row, projectOntoSimplex(row))),
            ...mean.slice(weights).map(place => drawnBack([place], [Math.max(0, Math.min(1, place))])[0] ?? place),
          ],
        )
      }
      return {}
    },
  }
}

function drawnBack(row: readonly number[], nearest: readonly number[]): number[] {
  return row.map((value, index) => (1 - drawBack) * value + drawBack * (nearest[index] ?? 0))
}

function compareScores(a = Number.NEGATIVE_INFINITY, b = Number.NEGATIVE_INFINITY): number {
  return a === b ? 0 : a > b ? -1 : 1
}

function squaredDistance(a: WeightRows, b: WeightRows): number {
  let sum = 0
  for (const [row, weights] of a.entries()) {
    for (const [model, weight] of weights.entries()) {
      const difference = weight - (b[row]?.[model] ?? 0)
      // Not ** 2: engines round powers differently, and this sum decides between equally good points.
      sum += difference * difference
    }
  }
  return sum
}
