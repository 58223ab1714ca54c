import { afterAll, beforeAll, expect, test } from 'vitest'
import { modelBytesAt, resultOf, uploadInFiles } from '../support/external-client.ts'
import { externalModel } from '../support/external-model.ts'
import { merge, uploadModel } from '../support/http-client.ts'
import { linearModel, rawInitializer } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

/** Weights and biases of two models and a base. */
const values = [
  [
    [1, -2, 3, 0.5],
    [0.25, 2],
  ],
  [
    [2, -1, 3.5, -0.5],
    [0.5, -2],
  ],
  [
    [0.5, 0.5, 3, 0.125],
    [0, 1],
  ],
] as const

let app: Awaited<ReturnType<typeof startApp>>
let inside: string[]
let outside: string[]

beforeAll(async () => {
  app = await startApp()
  inside = []
  outside = []
  for (const [weights, bias] of values) {
    inside.push((await uploadModel(app.url, linearModel(weights, bias))).id)
    outside.push(await uploadInFiles(app.url, externalModel(weights, bias)))
  }
})
afterAll(() => app.close())

/** The third model as the base of the two, or as the Fisher information of either. */
test.each([
  ['linear', {}, false],
  ['slerp', { t: 0.25 }, false],
  ['nuslerp', {}, true],
  ['multislerp', {}, true],
  ['karcher', {}, false],
  ['model_stock', {}, true],
  ['task_arithmetic', {}, true],
  ['ties', { density: 0.5 }, true],
  ['dare_linear', { density: 0.5 }, true],
  ['dare_ties', { density: 0.5 }, true],
  ['della', { density: 0.5 }, true],
  ['della_linear', { density: 0.5 }, true],
  ['breadcrumbs', { density: 0.5 }, true],
  ['breadcrumbs_ties', { density: 0.5 }, true],
  ['sce', { topk: 0.5 }, true],
  ['ema', { decay: 0.5 }, false],
  ['nearswap', { t: 0.5 }, false],
  ['fisher', {}, false],
  ['wise_ft', { alpha: 0.25 }, true],
])('%s of weights that lie in other files is what it is of those inside', async (method, parameters, hasBase) => {
  const mergeOf = async (ids: readonly string[]) => {
    const [first, second, base] = ids
    const fisher = method === 'fisher' ? { fisher: base } : {}
    const models = [{ id: first, ...fisher }, ...(method === 'wise_ft' ? [] : [{ id: second, ...fisher }])]
    return resultOf(await merge(app.url, { method, parameters, models, ...(hasBase ? { base } : {}) }))
  }
  const content = await modelBytesAt(app.url, `${await mergeOf(inside)}/content`)
  const id = await mergeOf(outside)
  expect(rawInitializer(content, 'W')).not.toEqual(rawInitializer(linearModel(...values[0]), 'W'))
  expect(await modelBytesAt(app.url, `${id}/data/weights/W.bin`)).toEqual(rawInitializer(content, 'W'))
  expect(await modelBytesAt(app.url, `${id}/data/b.bin`)).toEqual(rawInitializer(content, 'b'))
})
