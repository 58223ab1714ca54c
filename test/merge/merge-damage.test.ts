import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/error-catalogue.ts'
import { refusalOf } from '../support/catalogue.ts'
import { pair } from '../support/merge-pair.ts'
import { linearModel } from '../support/onnx-model.ts'
import { modelOf } from '../support/rich-model.ts'
import { soupOfFiles } from '../support/soup.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varint } from '../support/wire-bytes.ts'

const field = onnxField.tensor

/** What a model may be refused with that lacks elements. */
const anyRefusal: ErrorCode[] = [
  'TUREEN_MODEL_MALFORMED',
  'TUREEN_MODEL_INCOMPLETE',
  'TUREEN_MODEL_UNSUPPORTED',
  'TUREEN_MODELS_DIFFER',
  'TUREEN_NON_FLOAT_DIFFERS',
]

describe('damage that shows only when elements are looked for', () => {
  const whole = linearModel([1, 2], [3])
  const hollow = linearModel(
    [1, 2],
    [3],
    ({ graph }) => void graph.initializer?.splice(0, 1, { name: 'W', dims: [2, 1], dataType: 1 }),
  )
  test.each([
    ['the other model', pair(whole, hollow)],
    ['the base', pair(hollow, whole)],
    [
      'both',
      pair(
        hollow,
        linearModel(
          [9, 9],
          [9],
          ({ graph }) => void graph.initializer?.splice(0, 1, { name: 'W', dims: [2, 1], dataType: 1 }),
        ),
      ),
    ],
  ])('a weight without data in %s is refused and named, not averaged with whatever stands there', (_, inputs) => {
    const error = refusalOf(() => soupOfFiles(inputs), anyRefusal)
    expect(error.errors).toContainEqual(expect.objectContaining({ tensor: 'W' }))
  })

  test('weights in the wrong field (double_data for float32) are refused, not carried as if they agreed', () => {
    const model = (value: number) =>
      modelOf({ initializer: [{ name: 'W', dims: [1], dataType: 1, doubleData: [value] }] })
    refusalOf(() => soupOfFiles(pair(model(1), model(2))), anyRefusal)
  })

  test('weights in a file of their own are refused, not read from the model', () => {
    const outside = linearModel([1, 2], [3], ({ graph }) => {
      const tensor = {
        name: 'W',
        dims: [2, 1],
        dataType: 1,
        dataLocation: 1,
        externalData: [{ key: 'location', value: 'w' }],
      }
      graph.initializer?.splice(0, 1, tensor)
    })
    for (const inputs of [pair(whole, outside), pair(outside, whole)]) {
      refusalOf(() => soupOfFiles(inputs), anyRefusal)
    }
  })

  test('too few halves in a model are refused, naming the model and the tensor', () => {
    const model = (...codes: number[]) =>
      modelBytes([
        tensorBytes(
          'h',
          10,
          [3],
          bytesField(
            field.int32Data,
            codes.map(code => varint(code)),
          ),
        ),
      ])
    const { errors } = refusalOf(
      () => soupOfFiles(pair(model(1, 2, 3), model(1, 2))),
      'TUREEN_MODEL_MALFORMED',
      /fewer/,
    )
    expect(errors).toMatchObject([{ model: 'second', tensor: 'h' }])
  })

  test('a file that is no model is refused, naming it', () => {
    const { errors } = refusalOf(() => soupOfFiles(pair(whole, Buffer.from('{"a": 1}'))), 'TUREEN_NOT_ONNX')
    expect(errors).toMatchObject([{ model: 'second' }])
  })
})
