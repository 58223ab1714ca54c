import { describe, expect, test } from 'vitest'
import { differingChoices } from '../../src/export/fit-checkpoint.ts'
import { tensorSupplier } from '../../src/export/read-tensors.ts'
import { indexed } from '../support/exports.ts'
import {
  encodedModel,
  numbered,
  type SmallTensor,
  smallCheckpoint,
  smallCorrespondence,
  smallModel,
} from '../support/small-exports.ts'

const zeros: SmallTensor = { dims: [4], values: [0, 0, 0, 0] }
const vector = numbered([4], 1)

/** Returns the key that each weight was found to be, by the weight's name. */
function keysOfWeights({ weights }: ReturnType<typeof smallCorrespondence>) {
  return weights.map(({ tensor, derivation }) => [tensor, derivation.op === 'tensor' ? derivation.key : derivation.op])
}

describe('equal values', () => {
  test('are told apart by names', () => {
    const tensors = { 'a.bias': zeros, 'b.bias': zeros }
    const found = smallCorrespondence(smallModel(tensors), tensors)
    expect(keysOfWeights(found)).toEqual([
      ['a.bias', 'a.bias'],
      ['b.bias', 'b.bias'],
    ])
    expect(found.ambiguous).toEqual([])
  })

  test('are told apart by the module that reads them', () => {
    const model = smallModel({ 'onnx::Mul_1': vector, 'onnx::Mul_2': vector }, nodesAt('/net/b/Mul', '/net/a/Mul'))
    const found = smallCorrespondence(model, { 'net.a.bias': vector, 'net.b.bias': vector })
    expect(keysOfWeights(found)).toEqual([
      ['onnx::Mul_1', 'net.b.bias'],
      ['onnx::Mul_2', 'net.a.bias'],
    ])
  })

  test('without a name are ambiguous, and bind further checkpoints to the tie', () => {
    const keys = { 'a.bias': vector, 'b.bias': vector }
    const found = smallCorrespondence(smallModel({ 'onnx::Mul_1': vector }), keys)
    const choices = [
      { op: 'tensor', key: 'a.bias' },
      { op: 'tensor', key: 'b.bias' },
    ]
    expect(found).toMatchObject({ ambiguous: [{ weights: ['onnx::Mul_1'], choices }], unmatched: [] })
    const other = numbered([4], 2)
    const causesFor = (tensors: Record<string, SmallTensor>) =>
      differingChoices(found, tensorSupplier(indexed(smallCheckpoint(tensors))))
    expect(causesFor({ 'a.bias': other, 'b.bias': other })).toEqual([])
    expect(causesFor({ 'a.bias': other, 'b.bias': vector })).toEqual([
      expect.objectContaining({ tensor: 'onnx::Mul_1', expected: 'a.bias equal to b.bias' }),
    ])
  })

  test('of constants and integers prove nothing without a name', () => {
    const eye: SmallTensor = { dims: [2, 2], values: [1, 0, 0, 1] }
    const found = smallCorrespondence(smallModel({ 'onnx::Mul_1': zeros, 'onnx::Mul_2': eye }), {
      'a.bias': zeros,
      'a.weight': eye,
    })
    expect(found.weights).toEqual([])
    expect(found.unmatched).toMatchObject([
      { tensor: 'onnx::Mul_1', nearest: 'a.bias', reason: expect.stringContaining('prove nothing') },
      { tensor: 'onnx::Mul_2', nearest: 'a.weight', reason: expect.stringContaining('prove nothing') },
    ])
  })

  test('in one tensor that two modules read are ambiguous, because a tool may have merged two', () => {
    const nodes = [
      { name: '/a/Mul', opType: 'Mul', input: ['y0', 'a.bias'], output: ['y1'] },
      { name: '/b/Mul', opType: 'Mul', input: ['y1', 'a.bias'], output: ['y2'] },
    ]
    const model = encodedModel({ 'a.bias': vector }, nodes, 'y2')
    expect(smallCorrespondence(model, { 'a.bias': vector, 'b.bias': vector }).ambiguous).toHaveLength(1)
    expect(smallCorrespondence(model, { 'a.bias': vector, 'b.bias': numbered([4], 2) }).ambiguous).toEqual([])
  })

  test('of a symmetric matrix leave open whether it was transposed', () => {
    const symmetric: SmallTensor = { dims: [2, 2], values: [0.1, 0.2, 0.2, 0.3] }
    const [ambiguous] = smallCorrespondence(smallModel({ w: symmetric }), { w: symmetric }).ambiguous
    expect(ambiguous?.choices.map(({ op }) => op)).toEqual(['tensor', 'transpose'])
  })

  test('of a copy of all tensors are told apart if one tensor differs', () => {
    const model = smallModel({ 'a.bias': vector, 'b.bias': numbered([4], 2) })
    const copied = (last: SmallTensor) => ({
      'ema.a.bias': vector,
      'ema.b.bias': numbered([4], 2),
      'model.a.bias': vector,
      'model.b.bias': last,
    })
    const apart = smallCorrespondence(model, copied(numbered([4], 3)))
    expect(apart).toMatchObject({ prefix: { drop: '', add: 'ema.' }, ambiguous: [] })
    expect(apart.unused).toEqual(['model.a.bias', 'model.b.bias'])
    expect(smallCorrespondence(model, copied(numbered([4], 2))).ambiguous).toHaveLength(2)
  })
})

describe('an export', () => {
  test('keeps numbers of its own arithmetic', () => {
    const scale: SmallTensor = { dims: [], values: [0.5] }
    const found = smallCorrespondence(smallModel({ scale, 'a.bias': vector }), { 'a.bias': vector })
    expect(found).toMatchObject({ numbers: [{ tensor: 'scale' }], unmatched: [] })
  })

  test('has an open weight in place of a number that the checkpoint may hold', () => {
    const scale: SmallTensor = { dims: [], values: [0.5] }
    const tensors = { 'a.bias': vector, temperature: { dims: [1], values: [0.25] } }
    const found = smallCorrespondence(smallModel({ scale, 'a.bias': vector }), tensors)
    expect(found).toMatchObject({ numbers: [], unmatched: [{ tensor: 'scale' }] })
  })

  test('of another step has open weights, each with the nearest tensor and the reason', () => {
    const found = smallCorrespondence(smallModel({ 'a.bias': vector }), { 'a.bias': numbered([4], 2) })
    expect(found.unmatched).toMatchObject([
      { nearest: 'a.bias', reason: expect.stringMatching(/^4 of 4 values differ from those of a\.bias, by /) },
    ])
  })

  test.each([
    ['c.weight_v', 'c.weight_g', 'remove_weight_norm'],
    ['c.parametrizations.weight.original1', 'c.parametrizations.weight.original0', 'remove_parametrizations'],
    ['c.weight_orig', 'c.weight_u', 'remove_spectral_norm'],
  ])('whose weight is computed from %s is refused with the remedy', (key, partner, remedy) => {
    const tensors = { [key]: numbered([2, 3], 1), [partner]: numbered([2, 1], 2) }
    expect(() => smallCorrespondence(smallModel({ 'c.weight': numbered([2, 3], 3) }), tensors)).toThrow(remedy)
  })
})

function nodesAt(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [`onnx::Mul_${index + 1}`, name]))
}
