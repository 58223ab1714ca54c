import type { StrategyParameters } from '../../../schemas/search.ts'
import { naturalLogarithm } from '../../tensor/transcendental.ts'
import { Distribution } from '../cma-distribution.ts'
import { projectOntoSimplex, roundWeights } from '../simplex.ts'
import type { Strategy } from '../strategy.ts'
import { candidateOf, equalRows, type WeightRows } from '../weight-rows.ts'

/**
 * How far the mean is drawn back to the simplex after each generation. Left alone it wanders off where all points beside it are the
 * same soup; put right back, the distribution shrinks too early at the border (tried with optima inside and at the border).
 */
const drawBack = 0.2

/**
 * CMA-ES (Hansen 2016, arXiv:1604.00772) over weights: a normal distribution, at first around equal weights, learns from each
 * generation where good soups lie. A point is scored as the nearest one on the simplex, row by row; of equally good points that
 * which was nearer is preferred.
 */
export function cmaEs({ seed, generations, population, sigma }: StrategyParameters<'cmaEs'>): Strategy {
  const populationFor = (dimension: number) => population ?? 4 + Math.floor(3 * naturalLogarithm(dimension))
  return {
    candidates: (models, groups) => models + 1 + generations * populationFor(models * (groups + 1)),
    async run({ models, groups, score }) {
      const rowsOf = (x: readonly number[]) =>
        Array.from({ length: groups + 1 }, (_, row) => x.slice(row * models, (row + 1) * models))
      const start = equalRows(models, groups).flat()
      const distribution = new Distribution(start, sigma, populationFor(start.length), seed)
      for (let generation = 0; generation < generations; generation += 1) {
        const points = distribution.sample().map((x, index) => {
          const rows = rowsOf(x)
          const nearest = rows.map(projectOntoSimplex)
          return { index, rows: nearest.map(roundWeights), distance: squaredDistance(rows, nearest) }
        })
        const scores = await score(points.map(({ rows }) => candidateOf(rows)))
        const order = points.toSorted(
          (a, b) => compareScores(scores[a.index], scores[b.index]) || a.distance - b.distance || a.index - b.index,
        )
        distribution.update(
          order.map(({ index }) => index),
          mean => rowsOf(mean).flatMap(drawnBack),
        )
      }
      return {}
    },
  }
}

function drawnBack(row: readonly number[]): number[] {
  const nearest = projectOntoSimplex(row)
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
      // Not ** 2: powers are the engine's to round, and this decides among equally good points.
      sum += difference * difference
    }
  }
  return sum
}
