import { describe, expect, test } from 'vitest'
import { methods } from '../../../src/merge/methods/merge-method-registry.ts'
import { readBytes } from '../../../src/onnx/byte-source.ts'
import { tensorMerge } from '../../support/merge-tensors.ts'
import { elementType, float32Tensor, linearModel } from '../../support/onnx-model.ts'
import { initializerBytes } from '../../support/onnx-oracle.ts'
import { soupInMemory } from '../../support/soup.ts'

const required: Readonly<Record<string, Record<string, unknown>>> = {
  slerp: { t: 0.3 },
  nearswap: { t: 0.1 },
  wise_ft: { alpha: 0.3 },
  breadcrumbs: { density: 0.5 },
  breadcrumbs_ties: { density: 0.5 },
  dare_linear: { density: 0.5 },
  dare_ties: { density: 0.5 },
  della: { density: 0.5 },
  della_linear: { density: 0.5 },
}

const bytesOf = (values: readonly number[]) => new Uint8Array(Float64Array.from(values).buffer)

/** Every method, with and without its base and the division by the sum of weights, as far as those are a choice. */
const choices = [...methods.values()].flatMap(({ name, models, base, normalize, weights, fisher }) =>
  (base === 'optional' ? [true, false] : [base === 'required']).flatMap(hasBase =>
    (normalize === null ? [undefined] : [true, false]).map(choice => ({
      title: `${name}${hasBase ? ' with a base' : ''}${choice === undefined ? '' : `, normalize ${choice}`}`,
      method: name,
      hasBase,
      models: models.min,
      weights: weights ? [0.75, 2] : [1, 1],
      fisher,
      normalize: choice,
    })),
  ),
)

test.each(choices)('$title: tensors that are equal come out next to tensors that are almost equal', choice => {
  const { method, hasBase, models, weights, fisher, normalize } = choice
  const values = [3, -1, 0.5, 2, -4, 1]
  const resultWith = (first: number) => {
    const [own, other] = [bytesOf([first, ...values.slice(1)]), bytesOf(values)]
    const tensor = { name: 'w', dtype: 'float64', dims: [2, 3], elements: 6 }
    const of = { models: [own, other].slice(0, models), base: hasBase ? other : undefined }
    const fishers = fisher ? of.models.map(() => bytesOf(values.map(Math.abs))) : undefined
    const { source } = tensorMerge({
      method,
      parameters: required[method] ?? {},
      weights: weights.slice(0, models),
      ...(normalize === undefined ? {} : { normalize }),
      tensors: [{ ...tensor, ...of, fishers }],
    })
    return [...new Float64Array(readBytes(source, 0, source.byteLength).buffer)]
  }
  const almost = resultWith(3 + 1e-9)
  expect(resultWith(3)).toEqual(almost.map(value => expect.closeTo(value, 6)))
})

describe('multislerp that is not normalized', () => {
  const settings = { method: 'multislerp', normalize: false, parameters: { eps: 1e-8 } }

  // 1.5, -2 and 0.25 in float16, and three times that.
  const [once, thrice] = [
    [0x3e00, 0xc000, 0x3400],
    [0x4480, 0xc600, 0x3a00],
  ]

  test.each(['rawData', 'int32Data'])('scales what is the same in all models, stored as %s', form => {
    const model = (bias: number) =>
      linearModel([1, 2, 3, 4], [bias, 1], ({ graph }) => {
        const half = { name: 'W', dims: [3, 1], dataType: elementType.float16 }
        const values =
          form === 'rawData'
            ? { rawData: new Uint8Array(Uint16Array.from(once ?? []).buffer) }
            : { int32Data: once ?? [] }
        graph.initializer = [{ ...half, ...values }, float32Tensor('b', [2], [bias, 1])]
      })
    const soup = soupInMemory(
      [1, 2].map(weight => ({ bytes: model(weight), weight })),
      settings,
    )
    expect([...new Uint16Array(Uint8Array.from(initializerBytes(soup, 'W')).buffer)]).toEqual(thrice)
  })
})
