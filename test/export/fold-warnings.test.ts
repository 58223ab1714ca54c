import { expect, test } from 'vitest'
import type { Derivation, FoldedNorm } from '../../src/export/derivation.ts'
import { foldWarnings } from '../../src/export/fold-warnings.ts'

const norm: FoldedNorm = {
  gamma: 'bn.weight',
  beta: 'bn.bias',
  mean: 'bn.running_mean',
  variance: 'bn.running_var',
  epsilon: 1e-5,
  otherEpsilons: [],
  dtype: 'float32',
  arithmetic: 'scale',
}
const kernel: Derivation = { op: 'tensor', key: 'conv.weight' }
const folded = (change: Partial<FoldedNorm>): Derivation => {
  return { op: 'folded-weight', of: kernel, axis: 0, groups: 1, norm: { ...norm, ...change } }
}

test('a norm with one epsilon, replayed step by step, needs no warning, nor does a weight without a norm', () => {
  expect(foldWarnings([])).toEqual([])
  expect(
    foldWarnings([
      { tensor: 'W', derivation: folded({}) },
      { tensor: 'V', derivation: kernel },
      { tensor: 'U', derivation: { op: 'concat', of: [kernel, kernel], axis: 0 } },
    ]),
  ).toEqual([])
})

test('weights that several epsilons give are named with them, also behind a cast', () => {
  const derivation: Derivation = { op: 'cast', of: folded({ otherEpsilons: [0.001, 1e-6] }), dtype: 'float16' }
  const [warning, ...others] = foldWarnings([{ tensor: 'W', derivation }])
  expect(warning).toContain('W (0.00001 taken, also 0.001, 0.000001)')
  expect(others).toEqual([])
})

test('weights in binary64 are named, at most three of them', () => {
  const derivation: Derivation = { op: 'folded-bias', of: null, norm: { ...norm, arithmetic: 'binary64' } }
  const [warning, ...others] = foldWarnings(['A', 'B', 'C', 'D'].map(tensor => ({ tensor, derivation })))
  expect(warning).toContain('A, B, C and 1 more. They are computed in binary64')
  expect(others).toEqual([])
})
