import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  json,
  type MergeJob,
  merge,
  mergedContent,
  postJson,
  postSoup,
  readProblem,
  uploadModel,
} from '../support/http-client.ts'
import { elementType, linearModel, rawInitializer } from '../support/onnx-model.ts'
import { tensorsOf } from '../support/onnx-oracle.ts'
import { searchClient } from '../support/search-client.ts'
import { startApp } from '../support/server.ts'
import { absoluteSum, absoluteSumData } from '../support/two-layer-model.ts'

let app: Awaited<ReturnType<typeof startApp>>
let ids: string[]
const values = [
  [1, 2, 3, 4],
  [0.3, -2, 1e-7, 70],
]
const models = values.map(weights => linearModel(weights, [0.1, 0.7]))
const halves = Float16Array.from(values[0] ?? [], (value, index) => (value + Math.fround(values[1]?.[index] ?? 0)) / 2)

beforeAll(async () => {
  app = await startApp()
  ids = []
  for (const [index, bytes] of models.entries()) ids.push((await uploadModel(app.url, bytes, `name=m${index}`)).id)
})
afterAll(() => app.close())

const named = () => ids.map(id => ({ id }))

describe('a merge into float16', () => {
  test('is kept with its recipe, which posts again to the same bytes and says so in the model', async () => {
    const job = await merge(app.url, { models: named(), outputDtype: 'float16' })
    const made = job.result?.model
    const content = await mergedContent(app.url, job)
    expect(rawInitializer(content, 'W')).toEqual(new Uint8Array(halves.buffer))
    const record = await json(await fetch(`${app.url}/v1/models/${made?.id}`))
    expect(record).toMatchObject({
      dtypes: { float16: 2 },
      inputs: [{ name: 'x', dtype: 'float16' }],
      outputs: [{ name: 'y', dtype: 'float16' }],
    })
    const recipe = await json<object>(await fetch(`${app.url}/v1/models/${made?.id}/recipe`))
    expect(recipe).toMatchObject({ outputDtype: 'float16' })
    expect((await merge(app.url, recipe)).result?.model.sha256).toBe(made?.sha256)
  })

  test('is the same in one shot and from a configuration of mergekit', async () => {
    const job = await merge(app.url, { models: named(), outputDtype: 'float16' })
    const soup = await (await postSoup(app.url, models, { outputDtype: 'float16' })).bytes()
    expect(soup).toEqual(await mergedContent(app.url, job))
    const response = await fetch(`${app.url}/v1/merges?wait=30`, {
      method: 'POST',
      headers: { 'content-type': 'application/yaml' },
      body: 'merge_method: linear\ndtype: float16\nparameters: {int8_mask: true}\nmodels: [{model: m0}, {model: m1}]\n',
    })
    const converted = await json<MergeJob>(response)
    expect(converted.result?.model.sha256).toBe(job.result?.model.sha256)
  })
})

describe('a type that cannot be had', () => {
  test('is refused before there is a job, and named by the node', async () => {
    const elu = linearModel([1, 2, 3, 4], [0, 0], ({ graph }) => {
      graph.node?.splice(1, 1, { opType: 'Add', input: ['product', 'b'], output: ['sum'] })
      graph.node?.push({ name: 'bend', opType: 'Elu', input: ['sum'], output: ['y'] })
    })
    const { id } = await uploadModel(app.url, elu, 'name=elu')
    const answers = [
      await postJson(`${app.url}/v1/merges`, { models: [{ id }], outputDtype: 'bfloat16' }),
      await postSoup(app.url, [elu], { outputDtype: 'bfloat16' }),
    ]
    for (const response of answers) {
      const { errors } = await readProblem(response, 422, 'TUREEN_OUTPUT_DTYPE_IMPOSSIBLE')
      expect(errors).toEqual([expect.objectContaining({ node: 'bend', message: expect.stringMatching(/float16/) })])
    }
  })

  test('is named by its field where it is none', async () => {
    const response = await postJson(`${app.url}/v1/merges`, { models: named(), outputDtype: 'int8' })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'outputDtype', message: expect.any(String) }])
  })
})

describe('a search for a soup in float16', () => {
  test('scores single models in that type, and makes a new one even of the best of them', async () => {
    const client = searchClient(app.url)
    const nets: string[] = []
    for (const [index, scale] of [0.9, 0.99, 0.95].entries())
      nets.push(await client.addModel(absoluteSum(index + 1, scale), `net ${index}`))
    const { id: dataset } = await client.addDataset(absoluteSumData())
    const { model, winner } = await client.find({
      models: nets.map(id => ({ id })),
      strategy: { type: 'greedy' },
      selection: { dataset, metric: 'mse', target: 'target' },
      outputDtype: 'float16',
    })
    expect(winner.models).toEqual([nets[1]])
    expect(nets).not.toContain(model.id)
    const content = await (await fetch(`${app.url}/v1/models/${model.id}/content`)).bytes()
    expect(tensorsOf(content).map(({ dataType }) => dataType)).toEqual([elementType.float16, elementType.float16])
    const { result } = await client.evaluate({ model: model.id, dataset, target: 'target', metrics: ['mse'] })
    expect(result?.metrics).toEqual({ mse: winner.score })
  })
})
