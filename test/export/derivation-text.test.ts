import { expect, test } from 'vitest'
import type { Derivation, FoldedNorm } from '../../src/export/derivation.ts'
import { derivationText } from '../../src/export/derivation-text.ts'

const of: Derivation = { op: 'tensor', key: 'a.weight' }
const norm: FoldedNorm = {
  gamma: 'bn.weight',
  beta: null,
  mean: 'bn.mean',
  variance: 'bn.var',
  epsilon: 1e-5,
  otherEpsilons: [],
  dtype: 'float32',
  arithmetic: 'scale',
}

test.each<[Derivation, string]>([
  [of, 'a.weight'],
  [{ op: 'cast', of, dtype: 'float16' }, 'cast(a.weight, float16)'],
  [{ op: 'reshape', of, dims: [2, 3] }, 'reshape(a.weight, [2, 3])'],
  [{ op: 'transpose', of, axes: [1, 0] }, 'transpose(a.weight, [1, 0])'],
  [{ op: 'slice', of, axis: 0, start: 4, end: 8 }, 'slice(a.weight, axis 0, 4:8)'],
  [{ op: 'gather', of, indices: [2, 0] }, 'gather(a.weight, [2, 0])'],
  [
    { op: 'gather', of, indices: Array.from({ length: 100 }, (_, index) => index) },
    'gather(a.weight, [0, 1, 2, 3, 4, 5, 6, 7, … 100 indices])',
  ],
  [{ op: 'concat', of: [of, { op: 'tensor', key: 'b' }], axis: 1 }, 'concat(a.weight, b, axis 1)'],
  [{ op: 'affine', of, scale: 0.125, shift: 0 }, 'affine(a.weight, scale 0.125, shift 0)'],
  [
    { op: 'folded-weight', of, axis: 0, groups: 1, norm },
    'folded-weight(a.weight, batch norm bn.weight, 0, bn.mean, bn.var, epsilon 0.00001)',
  ],
  [
    { op: 'folded-bias', of: null, norm: { ...norm, arithmetic: 'binary64' } },
    'folded-bias(0, batch norm bn.weight, 0, bn.mean, bn.var, epsilon 0.00001, within 4 × 2^-23)',
  ],
])('a derivation reads as steps: %j', (derivation, text) => {
  expect(derivationText(derivation)).toBe(text)
})
