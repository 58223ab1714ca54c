import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import { batchNormModel, randomLayers } from '../support/batch-norm-model.ts'
import { pipelineModel } from '../support/classic-model.ts'
import { json, merge, postJson, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { perturbed } from '../support/perturbed.ts'
import { richModel } from '../support/rich-model.ts'
import { projectFile, startApp } from '../support/server.ts'
import { variedModel } from '../support/varied-model.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

type Model = Uint8Array<ArrayBuffer>
const digits = (index: number) => projectFile(`examples/digits/ft${index}.onnx`)
const rich = richModel()
const varied = variedModel()
const pipeline = (coefficient: number) =>
  pipelineModel({ offset: [1, 2], scale: [1, 1], coefficients: [1, coefficient], intercepts: [coefficient] })

test.each<[string, () => Promise<[Model, Model]>, object[], number]>([
  ['networks with single numbers of the arithmetic', async () => [await digits(0), await digits(1)], [], 10],
  ['a model and itself', async () => [await digits(0), await digits(0)], [], 0],
  [
    'a rule that skips',
    async () => [await digits(0), await digits(1)],
    [
      { match: 'conv1.bias', skip: false },
      { match: '*bias', skip: true },
    ],
    6,
  ],
  [
    'batch norms',
    async () => [
      await projectFile('test/fixtures/batch-norm/a.onnx'),
      await projectFile('test/fixtures/batch-norm/b.onnx'),
    ],
    [],
    38,
  ],
  [
    'two layers of batch norms',
    async () => [batchNormModel(randomLayers(2, 1)), batchNormModel(randomLayers(2, 2))],
    [],
    10,
  ],
  ['integers, sparse tensors and subgraphs', async () => [rich, new Uint8Array(perturbed(rich).other)], [], 9],
  ['parameters of operations', async () => [varied, new Uint8Array(perturbed(varied).other)], [], 3],
  ['lists of ai.onnx.ml', async () => [pipeline(2), pipeline(5)], [], 2],
  ['one tensor that differs', async () => [linearModel([1, 2], [3, 4]), linearModel([1, 2], [3, 5])], [], 1],
])('a merge averages what a comparison of the same pair says: %s', async (_, pair, rules, expected) => {
  const models = []
  for (const model of await pair()) models.push({ id: (await uploadModel(app.url, model)).id })
  const { result } = await merge(app.url, { models, rules })
  const compared = await json<{ result: ComparisonResult }>(
    await postJson(`${app.url}/v1/comparisons?wait=60`, { models, rules }),
  )
  const [told] = compared.result.pairs
  const averaged = told?.tensors.filter(tensor => tensor.averaged) ?? []
  expect(told?.totals.averaged).toBe(averaged.length)
  // A merge counts what is identical in both as copied.
  expect(averaged.filter(({ identical }) => !identical)).toHaveLength(expected)
  expect(result?.report.tensors.averaged).toBe(expected)
})
