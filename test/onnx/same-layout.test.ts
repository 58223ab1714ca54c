import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { sameLayout } from '../../src/onnx/same-layout.ts'
import { anyModel } from '../support/any-model.ts'
import { costlyModels } from '../support/costly-models.ts'
import { encodeModel } from '../support/rich-model.ts'

/** Returns the layout of a file that is like another, and checks it against reading the file. */
function layoutLike(first: Uint8Array, second: Uint8Array) {
  const [ours, theirs] = [memorySource(first), memorySource(second)]
  const found = sameLayout(readLayout(ours), ours, theirs)
  if (found) expect(found).toEqual(readLayout(theirs))
  return found
}

describe('a file that differs in raw_data alone has the layout of the other', () => {
  test.each([1, 900])('%d tensors with other values', count => {
    const make = costlyModels['tensors in a chain of products']
    expect(layoutLike(make(count), make(count, 1))).toBeDefined()
  })

  test('any change of one byte is in raw_data, or is noticed', () => {
    fc.assert(
      fc.property(anyModel, fc.nat(), fc.integer({ min: 1, max: 255 }), (model, place, change) => {
        const bytes = encodeModel(model)
        const at = place % bytes.byteLength
        const { tensors } = readLayout(memorySource(bytes))
        const isRaw = tensors.some(({ payload }) => {
          return payload.form === 'raw' && payload.offset <= at && at < payload.offset + payload.length
        })
        const changed = Uint8Array.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ change
        expect(layoutLike(bytes, changed) !== undefined).toBe(isRaw)
      }),
    )
  })

  test('another length, or another name, is another layout', () => {
    const make = costlyModels['tensors whose names other seeds give to others']
    expect(layoutLike(make(20), make(20, 1))).toBeUndefined()
    expect(layoutLike(make(20), make(21))).toBeUndefined()
  })
})
