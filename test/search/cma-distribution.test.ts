import { expect, test } from 'vitest'
import { Distribution } from '../../src/search/cma-distribution.ts'

/** A bowl around 0 whose curvatures span six orders of magnitude. `turned`: with axes that are not those of the coordinates. */
function ellipsoid(x: readonly number[], turned: boolean): number {
  const n = x.length
  const mean = x.reduce((sum, value) => sum + value, 0) / n
  // The reflection at the hyperplane of mean 0.
  return x.reduce((sum, value, i) => {
    const along = turned ? value - 2 * mean : value
    return sum + 1e6 ** (i / (n - 1)) * along * along
  }, 0)
}

function descend(n: number, generations: number, population: number, turned: boolean): number {
  const start = Array.from({ length: n }, () => 0.5)
  const distribution = new Distribution(start, 0.3, population, 1)
  let best = Number.POSITIVE_INFINITY
  for (let generation = 0; generation < generations; generation += 1) {
    const values = distribution.sample().map(x => ellipsoid(x, turned))
    best = Math.min(best, ...values)
    const order = [...values.keys()].sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
    distribution.update(order, mean => [...mean])
  }
  return best
}

test('the distribution learns a narrow valley that lies across the coordinates', () => {
  expect(descend(8, 400, 10, true)).toBeLessThan(1e-8)
})

test('in many dimensions the distribution learns the scale of each', () => {
  expect(descend(70, 700, 20, false)).toBeLessThan(1)
})
