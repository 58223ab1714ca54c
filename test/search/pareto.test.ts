import fc from 'fast-check'
import { expect, test } from 'vitest'
import { paretoFront as frontWithPauses } from '../../src/search/pareto.ts'

const pause = () => new Promise(resolve => setImmediate(resolve))
const paretoFront = (...given: [readonly (readonly (number | null)[])[], ('max' | 'min')[]]) =>
  frontWithPauses(...given, pause)

/** The definition: a point is in the front unless another one is as good in all terms, and better in one. */
function byDefinition(points: readonly (readonly (number | null)[])[], signs: readonly number[]): number[] {
  const isComplete = (point: readonly (number | null)[]) => point.every(value => value !== null)
  const better = (a: number | null = 0, b: number | null = 0, sign = 1) => sign * ((a ?? 0) - (b ?? 0))
  return points.flatMap((point, index) => {
    if (!isComplete(point)) return []
    const isBeaten = points.some(other => {
      const differences = signs.map((sign, term) => better(other[term], point[term], sign))
      return isComplete(other) && differences.every(each => each >= 0) && differences.some(each => each > 0)
    })
    return isBeaten ? [] : [index]
  })
}

test('the Pareto front has the points that no other one beats, with ties and missing scores', async () => {
  // Few different scores make many ties.
  const score = fc.option(fc.integer({ min: -2, max: 3 }), { freq: 20 })
  const cases = fc
    .integer({ min: 1, max: 4 })
    .chain(terms =>
      fc.tuple(
        fc.array(fc.array(score, { minLength: terms, maxLength: terms }), { maxLength: 60 }),
        fc.array(fc.constantFrom<'max' | 'min'>('max', 'min'), { minLength: terms, maxLength: terms }),
      ),
    )
  await fc.assert(
    fc.asyncProperty(cases, async ([points, directions]) => {
      const signs = directions.map(direction => (direction === 'max' ? 1 : -1))
      expect(await paretoFront(points, directions)).toEqual(byDefinition(points, signs))
    }),
    { numRuns: 300 },
  )
})

test('points of a circle are all in the front, however many there are', async () => {
  // Twice as many comparisons as one turn of the event loop may take.
  const count = 1500
  const points = Array.from({ length: count }, (_, index) => {
    const angle = ((index + 1) / (count + 2)) * (Math.PI / 2)
    return [Math.cos(angle), Math.sin(angle)]
  })
  expect(await paretoFront(points, ['max', 'max'])).toHaveLength(count)
  expect(await paretoFront([...points, [0.1, 0.1]], ['max', 'max'])).toHaveLength(count)
})

test('a point without all scores is not in the front, and beats none', async () => {
  expect(await paretoFront([[1, null], [0, 0], []], ['max', 'max'])).toEqual([1])
})
