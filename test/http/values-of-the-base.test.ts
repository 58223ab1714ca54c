import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import {
  json,
  merge,
  mergedContent,
  postJson,
  postSoup,
  readProblem,
  soup,
  uploadModel,
} from '../support/http-client.ts'
import { float32Tensor, int64Tensor, rawInitializer } from '../support/onnx-model.ts'
import { modelOf } from '../support/rich-model.ts'
import { startApp } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'
import { constant, node, scalar } from '../support/slot-models.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

type Values = { w: number; bound: number; shape: number[]; step: number; words: string[]; flag: number }

/** A layer whose result is clipped, and values in every place that is never averaged. */
function model({ w, bound, shape, step, words, flag }: Values): Uint8Array<ArrayBuffer> {
  const value = (t: object) => ({ name: 'value', type: 4, t })
  return modelOf({
    node: [
      node('MatMul', ['x', 'w'], ['product'], { name: 'layer' }),
      constant('bound', { name: 'value_float', type: 1, f: bound }),
      node('Clip', ['product', 'bound'], ['clipped'], { name: 'clip' }),
      constant('shape', { name: 'value_ints', type: 7, ints: shape }),
      node('Reshape', ['clipped', 'shape'], ['flat'], { name: 'reshape' }),
      constant('step', value(int64Tensor('', [1], [step]))),
      node('Slice', ['flat', 'zero', 'end', 'zero', 'step'], ['y'], { name: 'slice' }),
      constant('words', { name: 'value_strings', type: 8, strings: words.map(word => Buffer.from(word)) }),
      node('Labels', ['y', 'words', 'flag'], ['label'], { domain: 'org.example' }),
    ],
    initializer: [
      float32Tensor('w', [1, 1], [w]),
      int64Tensor('zero', [1], [0]),
      int64Tensor('end', [1], [9]),
      { name: 'flag', dataType: 9, dims: [1], rawData: Uint8Array.of(flag) },
    ],
    input: [{ name: 'x' }],
    output: [{ name: 'label' }],
  })
}

const base: Values = { w: 1, bound: -1, shape: [-1, 2], step: 1, words: ['cat', 'dog'], flag: 1 }
const other: Values = { w: 3, bound: -6, shape: [-1, 3], step: 2, words: ['cat', 'cow'], flag: 0 }
const differing = [
  { tensor: 'flag', base: '[true]', other: '[false]' },
  { tensor: 'bound', node: 'clip', base: '-1', other: '-6' },
  { tensor: 'step', node: 'make step', base: '[1]', other: '[2]' },
  { tensor: 'shape', node: 'make shape', base: '[-1, 2]', other: '[-1, 3]' },
  { tensor: 'words', node: 'make words', base: '["cat", "dog"]', other: '["cat", "cow"]' },
]
const byTensor = <Value extends { tensor?: string | undefined }>(values: readonly Value[]) =>
  values.toSorted((a, b) => ((a.tensor ?? '') < (b.tensor ?? '') ? -1 : 1))

describe('values that differ and are never averaged', () => {
  test('are refused, both shown, by a merge, a one-shot soup and a comparison alike', async () => {
    const [a, b] = [await uploadModel(app.url, model(base)), await uploadModel(app.url, model(other))]
    const expected = byTensor(differing).map(({ base: expected, other: actual, ...rest }) => {
      return { ...rest, expected, actual, message: expect.stringContaining(`holds ${actual}, in the base ${expected}`) }
    })
    const models = [{ id: a.id }, { id: b.id }]
    const refused = await readProblem(
      await postJson(`${app.url}/v1/merges?wait=60`, { models }),
      422,
      'TUREEN_NON_FLOAT_DIFFERS',
    )
    expect(byTensor(refused.errors)).toEqual(expected.map(each => ({ ...each, model: b.id })))
    const { errors } = await readProblem(
      await postSoup(app.url, [model(base), model(other)]),
      422,
      'TUREEN_NON_FLOAT_DIFFERS',
    )
    expect(byTensor(errors)).toEqual(expected.map(each => ({ ...each, model: 'model-1.onnx' })))
    const { result } = await json<{ result: ComparisonResult }>(
      await postJson(`${app.url}/v1/comparisons?wait=60`, { models }),
    )
    expect(byTensor(result.pairs[0]?.reasons ?? [])).toEqual(expected)
  })

  test('are the base\'s with "nonFloat": "base", each listed', async () => {
    const [a, b] = [await uploadModel(app.url, model(base)), await uploadModel(app.url, model(other))]
    const models = [{ id: a.id }, { id: b.id }]
    for (const [id, own, model2, swapped] of [
      [a.id, base, b.id, false],
      [b.id, other, a.id, true],
    ] as const) {
      const job = await merge(app.url, { models, base: id, nonFloat: 'base', provenance: false })
      expect(Buffer.from(await mergedContent(app.url, job)).equals(Buffer.from(model({ ...own, w: 2 })))).toBe(true)
      const listed = differing.map(each => (swapped ? { ...each, base: each.other, other: each.base } : each))
      const { fromBase, warnings } = job.result?.report ?? {}
      expect(fromBase?.omitted).toBe(0)
      expect(byTensor(fromBase?.values ?? [])).toEqual(byTensor(listed).map(each => ({ ...each, model: model2 })))
      expect(warnings?.join()).toMatch(/5 values that are never averaged differ; the soup has the base's: bound /)
    }
  })

  test('are listed up to a hundred, the rest counted', async () => {
    const many = (value: number) =>
      modelOf({
        node: Array.from({ length: 120 }, (_, index) => node('Clip', [`v${index}`, `b${index}`], [`v${index + 1}`])),
        initializer: Array.from({ length: 120 }, (_, index) => float32Tensor(`b${index}`, [], [value])),
        input: [{ name: 'v0' }],
        output: [{ name: 'v120' }],
      })
    const [a, b] = [await uploadModel(app.url, many(1)), await uploadModel(app.url, many(2))]
    const job = await merge(app.url, { models: [{ id: a.id }, { id: b.id }], nonFloat: 'base' })
    expect(job.result?.report.fromBase?.values).toHaveLength(100)
    expect(job.result?.report.fromBase?.omitted).toBe(20)
  })

  test('are not listed where there are none', async () => {
    const [a, b] = [await uploadModel(app.url, model(base)), await uploadModel(app.url, model({ ...base, w: 3 }))]
    const job = await merge(app.url, { models: [{ id: a.id }, { id: b.id }], nonFloat: 'base' })
    expect(job.result?.report).not.toHaveProperty('fromBase')
  })

  test('a weight that is a parameter as well is averaged, with a warning', async () => {
    const shared = (value: number) =>
      modelOf({
        node: [node('Clip', ['x', 's'], ['c'], { name: 'clip' }), node('MatMul', ['c', 's'], ['y'])],
        initializer: [scalar('s')].map(tensor => ({ ...tensor, ...float32Tensor('s', [1], [value]) })),
        input: [{ name: 'x' }],
        output: [{ name: 'y' }],
      })
    const [a, b] = [await uploadModel(app.url, shared(1)), await uploadModel(app.url, shared(3))]
    const job = await merge(app.url, { models: [{ id: a.id }, { id: b.id }], provenance: false })
    expect(Buffer.from(await mergedContent(app.url, job)).equals(Buffer.from(shared(2)))).toBe(true)
    expect(job.result?.report.warnings).toEqual([
      `s is averaged, because the network also computes with it, although it is the parameter min of the node clip. It holds [3] in ${b.id}, [1] in the base. A rule with "skip": true keeps the base's`,
    ])
  })
})

describeShared('cases that went wrong', () => {
  const read = (file: string) => readFileSync(join(sharedDirectory, 'cases', file))
  test.each<[string, string, [expected: string, actual: string][]]>([
    [
      'arith-slot/x2.onnx',
      'arith-slot/x4.onnx',
      [
        ['2', '4'],
        ['2', '4'],
      ],
    ],
    ['nms-threshold/conf0001.onnx', 'nms-threshold/conf025.onnx', [['[0.001]', '[0.25]']]],
    ['constant-output/direct-128.onnx', 'constant-output/identity-0.onnx', [['[128]', '[0]']]],
    ['constant-output/identity-0.onnx', 'constant-output/direct-128.onnx', [['[0]', '[128]']]],
  ])("%s with %s: both values are shown, or the base's taken", async (ours, theirs, values) => {
    const models = [read(ours), read(theirs)]
    const { errors } = await readProblem(await postSoup(app.url, models), 422, 'TUREEN_NON_FLOAT_DIFFERS')
    expect(errors.map(({ expected, actual }) => [expected, actual])).toEqual(values)
    expect((await postSoup(app.url, models, { nonFloat: 'base' })).status).toBe(200)
  })

  test("dynamic-quant: integers and their scale are the base's", async () => {
    const [a, b] = [read('dynamic-quant/dyn-a.onnx'), read('dynamic-quant/dyn-b.onnx')]
    const { errors } = await readProblem(await postSoup(app.url, [a, b]), 422, 'TUREEN_NON_FLOAT_DIFFERS')
    expect(errors.map(({ tensor }) => tensor)).toEqual(['w_quantized', 'w_scale'])
    const result = await soup(app.url, [a, b], { nonFloat: 'base' })
    for (const name of ['w_quantized', 'w_scale']) expect(rawInitializer(result, name)).toEqual(rawInitializer(a, name))
  })

  test('constant-output: the same number, put out through Identity or not, is one network', async () => {
    const models = [read('constant-output/direct-128.onnx'), read('constant-output/identity-128.onnx')]
    const result = await soup(app.url, models)
    expect(rawInitializer(result, 'memory_size')).toEqual(new Uint8Array(Float32Array.of(128).buffer))
  })

  test('baked-batch: the batch size is shown, and with "nonFloat": "base" the base\'s', async () => {
    const models = [read('baked-batch/batch1.onnx'), read('baked-batch/batch2.onnx')]
    const { errors } = await readProblem(await postSoup(app.url, models), 422, 'TUREEN_NON_FLOAT_DIFFERS')
    for (const { expected, actual } of errors) {
      expect(expected).toMatch(/^\[1, /)
      expect(actual).toMatch(/^\[2, /)
    }
    expect((await postSoup(app.url, models, { nonFloat: 'base' })).status).toBe(200)
  })
})
