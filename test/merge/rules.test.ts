import { describe, expect, test } from 'vitest'
import { refusalOf } from '../support/catalogue.ts'
import { linearModel } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { type SoupInput, soupInMemory } from '../support/soup.ts'

const inputs: SoupInput[] = [
  { bytes: linearModel([1, 2, 3, 4], [10, 20]), weight: 1, label: 'first' },
  { bytes: linearModel([5, 6, 7, 8], [30, 40]), weight: 1, label: 'second' },
]

function floats(rules: { match: string; weights: number[] }[], name: string, normalize = true): number[] {
  const soup = soupInMemory(inputs, { rules, normalize })
  return [...new Float32Array(Uint8Array.from(initializerBytes(soup, name)).buffer)]
}

describe('rules', () => {
  test('give the tensors that they match weights of their own, and leave the others theirs', () => {
    const rules = [{ match: 'W', weights: [3, 1] }]
    expect(floats(rules, 'W')).toEqual([2, 3, 4, 5])
    expect(floats(rules, 'b')).toEqual([20, 30])
  })

  test('of several that match a tensor, the first holds', () => {
    const rules = [
      { match: '?', weights: [1, 0] },
      { match: 'W', weights: [0, 1] },
    ]
    expect(floats(rules, 'W')).toEqual([1, 2, 3, 4])
    expect(floats(rules, 'b')).toEqual([10, 20])
  })

  test('without normalizing, add and scale', () => {
    expect(floats([{ match: 'b', weights: [0.5, 0.5] }], 'b', false)).toEqual([20, 30])
    expect(floats([{ match: 'b', weights: [0.5, 0.5] }], 'W', false)).toEqual([6, 8, 10, 12])
  })

  test('that match nothing are refused, each named', () => {
    const rules = [
      { match: 'encoder.*', weights: [1, 1] },
      { match: 'W', weights: [1, 1] },
      { match: 'x', weights: [1, 1] },
    ]
    const { errors } = refusalOf(() => soupInMemory(inputs, { rules }), 'TUREEN_RULE_UNMATCHED')
    expect(errors.map(({ field }) => field)).toEqual(['rules.0.match', 'rules.2.match'])
  })

  test.each([
    ['another number of weights than models', [1], '1 weights for 2 models'],
    ['weights that sum to 0', [1, -1], 'sum to 0'],
  ])('with %s are refused', (_, weights, message) => {
    const { errors } = refusalOf(
      () => soupInMemory(inputs, { rules: [{ match: 'W', weights }] }),
      'TUREEN_WEIGHTS_INVALID',
    )
    expect(errors).toEqual([{ field: 'rules.0.weights', message: expect.stringContaining(message) }])
  })
})
