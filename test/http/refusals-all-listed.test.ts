import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json, postJson, postSoup, readProblem, uploadModel } from '../support/http-client.ts'
import { float32Tensor, int64Tensor } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'
import { float, named, tensor, variedModel } from '../support/varied-model.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

describe('every difference is listed', () => {
  test('of every model, each under its own name', async () => {
    const second = variedModel(({ graph }) => {
      named(graph.node, 'add').opType = 'Sub'
      named(graph.node, 'leaky').attribute = [float('alpha', 0.25)]
      named(graph.initializer, 'W').dims = [4, 1]
      named(graph.initializer, 'words').stringData = [Buffer.from('ab'), Buffer.from('XX')]
      named(graph.node, 'half').attribute = [tensor(float32Tensor('', [2], [0.75, 0.25]))]
    })
    const third = variedModel(model => {
      model.opsetImport = [{ domain: '', version: 6 }]
      named(model.graph.initializer, 'shape').rawData = int64Tensor('', [2], [-1, 1]).rawData ?? null
    })
    const response = await postSoup(app.url, [variedModel(), second, third])
    const { errors } = await readProblem(response, 422, 'TUREEN_MODELS_DIFFER')
    expect(errors.map(({ model, node, tensor }) => [model, node ?? tensor ?? '']).sort()).toEqual([
      ['model-1.onnx', 'W'],
      ['model-1.onnx', 'add'],
      ['model-1.onnx', 'half'],
      ['model-1.onnx', 'leaky'],
      ['model-1.onnx', 'words'],
      ['model-2.onnx', 'add'],
      ['model-2.onnx', 'shape'],
    ])
  })

  test('by a merge, before there is a job, models named as the request names them', async () => {
    const other = variedModel(({ graph }) => {
      named(graph.node, 'add').opType = 'Sub'
    })
    const models = [await uploadModel(app.url, variedModel()), await uploadModel(app.url, other)]
    const request = { models: models.map(({ id }) => ({ id })) }
    const response = await postJson(`${app.url}/v1/merges?wait=10`, request)
    const { errors } = await readProblem(response, 422, 'TUREEN_MODELS_DIFFER')
    expect(errors).toMatchObject([{ model: models[1]?.id, node: 'add' }])
    expect(await json(await fetch(`${app.url}/v1/jobs`))).toEqual({ items: [], nextCursor: null })
  })
})
