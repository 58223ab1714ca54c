import { describe, expect, test } from 'vitest'
import { comparePair } from '../../src/merge/compare-pair.ts'
import { comparisonWarnings } from '../../src/merge/comparison-warnings.ts'
import { networkOf } from '../../src/merge/match-inputs.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { first, type Pipeline, pipelineModel, second } from '../support/classic-model.ts'
import { layoutOf } from '../support/inspecting.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'

describe('a Scaler, whose lists are statistics of training data', () => {
  const others = { ...second, offset: first.offset, scale: first.scale }
  const warningsOf = (a: Pipeline, b: Pipeline, more = {}) => {
    const files = [a, b].map(values => ({ source: memorySource(pipelineModel(values)), data: new Map() }))
    return soupOfIngredients(
      files.map(each => ({ files: each, weight: 1 })),
      more,
    ).warnings
  }

  test('is averaged with a warning that names the lists that differ', () => {
    expect(warningsOf(first, second)).toEqual([
      expect.stringMatching(/Scaler differ .*\(scaled\.offset, scaled\.scale\)/),
    ])
    expect(warningsOf(first, { ...others, scale: second.scale })).toEqual([expect.stringMatching(/\(scaled\.scale\)/)])
  })

  test('without one where the lists are the same, or a rule takes those of one model', () => {
    expect(warningsOf(first, others)).toEqual([])
    expect(warningsOf(first, second, { rules: [{ match: 'scaled.*', skip: true }] })).toEqual([])
    expect(warningsOf(first, second, { rules: [{ match: 'scaled.*', weights: [1, 0] }] })).toEqual([])
  })

  test('is named by the comparison with the same words', () => {
    const [a, b] = [first, second].map((values, index) => {
      const source = memorySource(pipelineModel(values))
      const layout = layoutOf(pipelineModel(values))
      return { source, layout, data: new Map(), label: `model ${index}`, sha256: String(index), weight: 1 }
    })
    if (!a || !b) throw new Error('there are two')
    const comparison = comparePair(a, b, () => {})
    expect(comparison.reasons).toEqual([])
    expect(comparisonWarnings(comparison, networkOf(a), a.layout).map(({ message }) => message)).toEqual(
      warningsOf(first, second),
    )
  })
})
