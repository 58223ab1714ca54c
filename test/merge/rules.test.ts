import { describe, expect, test } from 'vitest'
import type { TensorRule } from '../../src/merge/tensor-rule.ts'
import { refusalOf } from '../support/catalogue.ts'
import { float32Tensor, linearModel } from '../support/onnx-model.ts'
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
    expect(errors).toMatchObject([{ field: 'rules.0.weights', message: expect.stringContaining(message) }])
  })
})

describe('rules of other settings', () => {
  const base = { bytes: linearModel([0, 0, 0, 0], [0, 0]), weight: null, label: 'base' }
  const settings = { method: 'task_arithmetic', parameters: { lambda: 1 }, normalize: false, usesBase: true, base: 2 }
  const merged = (rules: TensorRule[], parameters: object, name: string) => {
    const soup = soupInMemory([...inputs, base], {
      ...settings,
      parameters: { ...settings.parameters, ...parameters },
      rules,
    })
    return [...new Float32Array(Uint8Array.from(initializerBytes(soup, name)).buffer)]
  }

  test('give parameters of their own, the others staying', () => {
    const rules = [{ match: 'b', parameters: { lambda: 0.5 } }]
    expect(merged(rules, {}, 'b')).toEqual([20, 30])
    expect(merged(rules, {}, 'W')).toEqual([6, 8, 10, 12])
  })

  test('leave tensors as the base has them', () => {
    expect(merged([{ match: 'W', skip: true }], {}, 'W')).toEqual([0, 0, 0, 0])
    expect(merged([{ match: 'W', skip: true }], {}, 'b')).toEqual([40, 60])
  })
})

describe('gradients', () => {
  /** A chain of five matrices, each read by a node of its own. */
  const chain = (value: number) =>
    linearModel([1, 0, 0, 1], [0, 0], ({ graph }) => {
      graph.initializer = [0, 1, 2, 3, 4].map(index => float32Tensor(`m${index}`, [2, 2], [value, 0, 0, value]))
      graph.node = [0, 1, 2, 3, 4].map(index => ({
        opType: 'MatMul',
        input: [index === 0 ? 'x' : `y${index - 1}`, `m${index}`],
        output: [index === 4 ? 'y' : `y${index}`],
      }))
    })
  const diagonal = (soup: Uint8Array) =>
    [0, 1, 2, 3, 4].map(index => new Float32Array(Uint8Array.from(initializerBytes(soup, `m${index}`)).buffer)[0])

  test('run from the first operator with weights to the last, in straight lines between their points', () => {
    const models = [
      { bytes: chain(0), weight: null },
      { bytes: chain(8), weight: 1 },
    ]
    const how = { method: 'task_arithmetic', normalize: false, usesBase: true }
    const soup = soupInMemory(models, { ...how, parameters: { lambda: { gradient: [0, 1, 0.5] } } })
    expect(diagonal(soup)).toEqual([0, 4, 8, 6, 4])
  })

  test('weigh models', () => {
    const models = [
      { bytes: chain(0), weight: { gradient: [1, 0] } },
      { bytes: chain(8), weight: { gradient: [0, 1] } },
    ]
    expect(diagonal(soupInMemory(models))).toEqual([0, 2, 4, 6, 8])
  })
})
