import { describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { type CostlyModel, costlyModels } from '../support/costly-models.ts'
import { matchOf } from '../support/inspecting.ts'
import { pair } from '../support/merge-pair.ts'
import { float32Tensor } from '../support/onnx-model.ts'
import { modelOf } from '../support/rich-model.ts'
import { soupInMemory, soupOfFiles } from '../support/soup.ts'
import { places, reading } from '../support/tensor-places.ts'
import { bytesField } from '../support/wire-bytes.ts'

/** Returns the same model of another producer. The network is the same, and the file is no twin of the first one's any more. */
const ofAnotherProducer = (model: Uint8Array) => Buffer.concat([model, bytesField(2, 'another')])

/** Returns the soup's bytes and report, or the refusal. */
function outcome(base: Uint8Array, other: Uint8Array): unknown {
  try {
    const { content, report } = soupOfFiles(pair(base, other))
    return { sha256: content.toString('base64'), ...report, bytesRead: 0 }
  } catch (error) {
    if (!(error instanceof TureenError)) throw error
    return [error.code, error.message, error.errors]
  }
}

const isTwin = (base: Uint8Array, other: Uint8Array) => matchOf(base, other).inputs.models[1]?.isTwin
const names = Object.keys(costlyModels).filter((name): name is CostlyModel => name in costlyModels)
const count = 12

describe('twins are merged as models are that need matching', () => {
  test.each(names)('%s', name => {
    const [base, other] = [costlyModels[name](count), costlyModels[name](count, 1)]
    expect(outcome(base, other)).toEqual(outcome(base, ofAnotherProducer(other)))
  })

  test.each(places)('a tensor in %s', (_, _path, _name, read, model) => {
    const [base, other] = [model([1, -2]), model([4, 2])]
    expect(outcome(base, other)).toEqual(outcome(base, ofAnotherProducer(other)))
    const [used, otherUsed] = [reading(base, read), reading(other, read)]
    expect(isTwin(used, otherUsed)).toBe(true)
    expect(outcome(used, otherUsed)).toEqual(outcome(used, ofAnotherProducer(otherUsed)))
  })

  test('the producer makes a model that needs matching', () => {
    const [base, other] = [costlyModels.constants(count), costlyModels.constants(count, 1)]
    expect(isTwin(base, other)).toBe(true)
    expect(isTwin(base, ofAnotherProducer(other))).toBe(false)
  })
})

/** A Dropout whose third input says if it drops anything. */
const dropout = (isTraining: boolean, weight: number) =>
  modelOf({
    node: [
      { opType: 'Dropout', input: ['x', 'ratio', 'training'], output: ['d'] },
      { opType: 'Mul', input: ['d', 'w'], output: ['y'] },
    ],
    input: [{ name: 'x', type: { tensorType: { elemType: 1 } } }],
    output: [{ name: 'y', type: { tensorType: { elemType: 1 } } }],
    initializer: [
      float32Tensor('w', [1], [weight]),
      float32Tensor('ratio', [], [0.5]),
      { name: 'training', dataType: 9, rawData: Uint8Array.of(isTraining ? 1 : 0) },
    ],
  })

describe('a model is no twin', () => {
  test('if values that are never averaged differ: the network depends on them', () => {
    expect(isTwin(dropout(false, 1), dropout(false, 2))).toBe(true)
    expect(isTwin(dropout(false, 1), dropout(true, 2))).toBe(false)
    expect(() => soupInMemory(pair(dropout(false, 1), dropout(true, 2)))).toThrow(TureenError)
  })

  test('if a tensor has another name', () => {
    const named = costlyModels['tensors whose names other seeds give to others']
    expect(isTwin(named(count), named(count, 1))).toBe(false)
  })

  test('if a field that no schema knows differs', () => {
    const unknown = (text: string) => Buffer.concat([costlyModels.constants(count), bytesField(500, text)])
    expect(isTwin(unknown('a'), unknown('a'))).toBe(true)
    expect(isTwin(unknown('a'), unknown('b'))).toBe(false)
  })
})
