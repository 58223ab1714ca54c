import { expect, test } from 'vitest'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { tensorOperations } from '../../src/merge/tensor-operations.ts'

test('tensors of one rule and position have one operation: 1,024 weights are not kept for each of them', () => {
  const rules = [{ match: '*.bias', weights: [3, 1] }]
  const operations = tensorOperations([1, { gradient: [0, 1] }], { ...defaultSettings, rules })
  const first = operations.of(null, { graph: 0.5, block: 0 })
  expect(operations.of(null, { graph: 0.5, block: 0 })).toBe(first)
  const others = [operations.of(null, { graph: 1, block: 0 }), operations.of(0, { graph: 0.5, block: 0 })]
  expect(others.map(each => each?.kind === 'sum' && each.sum.weights)).toEqual([
    [1, 1],
    [3, 1],
  ])
  expect(first?.kind === 'sum' && first.sum.weights).toEqual([1, 0.5])
})
