import { expect, test } from 'vitest'
import { linearModel, rawInitializer } from '../support/onnx-model.ts'
import { seededRandom } from '../support/random.ts'
import { soupInMemory } from '../support/soup.ts'

const random = seededRandom(8)
const models = Array.from({ length: 8 }, () => {
  const number = () => Math.fround((random.next() - 0.5) * 2 ** random.integer(-20, 20))
  return { weights: Array.from({ length: 6 }, number), bias: Array.from({ length: 2 }, number) }
})

/** NumPy's formula of DESIGN.md, one element at a time, in JavaScript's own binary64 and rounding to float32. */
function mean(rows: number[][], weights: number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return (rows[0] ?? []).map((_, column) => {
    let sum = (weights[0] ?? 0) * (rows[0]?.[column] ?? 0)
    for (let row = 1; row < rows.length; row += 1) sum = sum + (weights[row] ?? 0) * (rows[row]?.[column] ?? 0)
    return Math.fround(sum / total)
  })
}

function floats(model: Uint8Array, name: string): number[] {
  return [...new Float32Array(rawInitializer(model, name).buffer)]
}

test.each([
  ['all weights equal', () => 1],
  ['other weights for each', (index: number) => 0.1 * (index + 1)],
])('all 255 subsets of eight models, %s, are what the formula says', (_, weightOf) => {
  const files = models.map(({ weights, bias }) => linearModel(weights, bias))
  for (let subset = 1; subset < 256; subset += 1) {
    const chosen = models.map((_, index) => index).filter(index => subset & (1 << index))
    const weights = chosen.map(weightOf)
    const soup = soupInMemory(
      chosen.map((index, at) => ({ bytes: files[index] ?? new Uint8Array(), weight: weights[at] ?? 0 })),
    )
    // One model is itself, whatever the formula would make of it.
    const expected = (rows: number[][]) => (rows.length === 1 ? rows[0] : mean(rows, weights))
    expect(floats(soup, 'W'), `subset ${subset}`).toEqual(expected(chosen.map(index => models[index]?.weights ?? [])))
    expect(floats(soup, 'b'), `subset ${subset}`).toEqual(expected(chosen.map(index => models[index]?.bias ?? [])))
  }
})

test('the order of models is the order of summation', () => {
  const inputs = [1e30, 1, -1e30].map(value => ({ bytes: linearModel([value], [0]), weight: 1 }))
  const [a, b, c] = inputs
  if (!a || !b || !c) throw new Error('three inputs are needed')
  const first = (soup: Uint8Array) => floats(soup, 'W')[0]
  expect(first(soupInMemory([a, b, c], { normalize: false }))).toBe(0)
  expect(first(soupInMemory([a, c, b], { normalize: false }))).toBe(1)
})
