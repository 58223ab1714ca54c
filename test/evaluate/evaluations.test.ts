import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluationClient } from '../support/evaluation-client.ts'
import { evaluating, projectFile, startApp } from '../support/server.ts'

type Scores = { accuracy: number }
type Expected = { single: { model: string; val: Scores; test: Scores }[] }

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof evaluationClient>
let valId: string
let testId: string
let ft0: string

beforeAll(async () => {
  app = await startApp(evaluating)
  client = evaluationClient(app.url)
  valId = (await client.addDataset(await projectFile('examples/digits/val.npz'))).id
  testId = (await client.addDataset(await projectFile('examples/digits/test.npz'))).id
  ft0 = await client.addModel(await projectFile('examples/digits/ft0.onnx'))
})
afterAll(() => app.close())

describe('the digits fine-tunes', () => {
  test('have the accuracies that PyTorch computed, up to one image that may fall either way', async () => {
    const expected: Expected = JSON.parse(String(await projectFile('examples/digits/expected.json')))
    for (const { model, val, test } of expected.single) {
      const id = await client.addModel(await projectFile(`examples/digits/${model}.onnx`), model)
      const onVal = await client.evaluate({ model: id, dataset: valId, metrics: ['accuracy'] })
      const onTest = await client.evaluate({ model: id, dataset: testId, metrics: ['accuracy'] })
      expect(Math.abs((onVal.result?.metrics.accuracy ?? 0) - val.accuracy), model).toBeLessThanOrEqual(1 / 500 + 1e-6)
      expect(Math.abs((onTest.result?.metrics.accuracy ?? 0) - test.accuracy), model).toBeLessThanOrEqual(
        1 / 597 + 1e-6,
      )
    }
  })

  test('are scored without being told what is input, target, output and metric, for there is one reading', async () => {
    const { result } = await client.evaluate({ model: ft0, dataset: valId })
    expect(result?.binding).toEqual({ inputs: { image: 'image' }, target: 'label', output: 'logits' })
    expect(Object.keys(result?.metrics ?? {})).toEqual(['accuracy'])
    expect(result?.samples).toBe(500)
    expect(result?.model.bytes).toBe(159308)
    expect(result?.latencyMs.median).toBeGreaterThan(0)
    expect(result?.latencyMs.p95).toBeGreaterThanOrEqual(result?.latencyMs.median ?? 0)
  })

  test('give the same scores in batches of any size', async () => {
    const metrics = ['accuracy', 'macroF1']
    const scores: unknown[] = []
    for (const batchSize of [1, 7, 500])
      scores.push((await client.evaluate({ model: ft0, dataset: valId, metrics, batchSize })).result?.metrics)
    expect(scores[1]).toEqual(scores[0])
    expect(scores[2]).toEqual(scores[0])
  })

  test('are scored on the first samples alone where a limit is set', async () => {
    const { result } = await client.evaluate({ model: ft0, dataset: valId, limit: 10 })
    expect(result?.samples).toBe(10)
    expect((result?.metrics.accuracy ?? 0) * 10).toBeCloseTo(Math.round((result?.metrics.accuracy ?? 0) * 10), 9)
  })

  test('are not scored twice: the same question again is answered from what is kept', async () => {
    const request = { model: ft0, dataset: testId, metrics: ['accuracy', { name: 'topK', k: 3 }] }
    const first = await client.evaluate(request)
    const second = await client.evaluate(request)
    expect(first.result?.cached).toBe(false)
    expect(second.result).toEqual({ ...first.result, cached: true })
    const other = await client.evaluate({ ...request, metrics: [{ name: 'topK', k: 2 }] })
    expect(other.result?.cached).toBe(false)
    expect(other.result?.metrics.topK).toBeLessThanOrEqual(first.result?.metrics.topK ?? 0)
  })
})

describe('a request that has several readings, or none', () => {
  const refused = async (request: object, status: number, code: string) => {
    const response = await client.ask({ model: ft0, dataset: valId, ...request })
    const problem = await response.json()
    expect({ status: response.status, code: Object(problem).code }).toEqual({ status, code })
    return JSON.stringify(Object(problem).errors)
  }
  test.each([
    ['an input that is not there', { inputs: { picture: 'image' } }, 422, 'TUREEN_DATASET_MISMATCH', 'image'],
    ['an array that is not there', { inputs: { image: 'pixels' } }, 422, 'TUREEN_DATASET_MISMATCH', 'label'],
    [
      'an array of another shape',
      { inputs: { image: 'label' }, target: 'image' },
      422,
      'TUREEN_DATASET_MISMATCH',
      '500',
    ],
    ['a target that is not there', { target: 'labels' }, 422, 'TUREEN_DATASET_MISMATCH', 'label'],
    ['an output that is not there', { output: 'probabilities' }, 422, 'TUREEN_DATASET_MISMATCH', 'logits'],
    ['a metric that is not there', { metrics: ['accurracy'] }, 400, 'TUREEN_REQUEST_INVALID', 'balancedAccuracy'],
    [
      'a parameter that is not there',
      { metrics: [{ name: 'topK', n: 3 }] },
      400,
      'TUREEN_REQUEST_INVALID',
      'metrics.0',
    ],
    ['a metric twice', { metrics: ['accuracy', 'accuracy'] }, 400, 'TUREEN_REQUEST_INVALID', 'twice'],
  ])('is refused before there is a job: %s, with the choices', async (_, request, status, code, mentioned) => {
    expect(await refused(request, status, code)).toContain(mentioned)
  })

  test('a data set that is not there is named', async () => {
    expect(await refused({ dataset: '01a20b30-4e22-76bd-9115-cdd182ca0ed1' }, 404, 'TUREEN_NOT_FOUND')).toContain(
      'dataset',
    )
  })
})

describe('data sets', () => {
  test('are described, listed, deduplicated and deleted', async () => {
    const bytes = readFileSync(new URL('../../examples/digits/val.npz', import.meta.url))
    const again = await client.addDataset(Uint8Array.from(bytes))
    expect(again.id).toBe(valId)
    expect(again).toMatchObject({ kind: 'npz', samples: 500, bytes: bytes.byteLength })
    expect(again.arrays).toEqual([
      { name: 'image', dtype: 'float32', dims: [500, 1, 8, 8] },
      { name: 'label', dtype: 'int64', dims: [500] },
    ])
    const shards = await client.addDatasetFiles({ 'a.npz': Uint8Array.from(bytes), 'b.npz': Uint8Array.from(bytes) })
    expect(shards.samples).toBe(1000)
    expect((await client.listDatasets()).map(({ id }) => id)).toContain(shards.id)
    const { result } = await client.evaluate({ model: ft0, dataset: shards.id })
    const single = await client.evaluate({ model: ft0, dataset: valId })
    expect(result?.metrics).toEqual(single.result?.metrics)
    expect((await fetch(`${app.url}/v1/datasets/${shards.id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await fetch(`${app.url}/v1/datasets/${shards.id}`)).status).toBe(404)
    expect((await client.evaluate({ model: ft0, dataset: valId, limit: 3 })).result?.samples).toBe(3)
  })

  test('that are none are refused, and nothing is kept', async () => {
    const before = (await client.listDatasets()).length
    for (const body of ['', 'not a zip', '\x93NUMPY']) {
      const response = await fetch(`${app.url}/v1/datasets`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/octet-stream' },
      })
      expect(response.status).toBe(400)
      expect(response.headers.get('content-type')).toContain('application/problem+json')
    }
    expect(await client.listDatasets()).toHaveLength(before)
  })
})

test('the metrics are listed with direction, target and parameters', async () => {
  const { items } = Object(await (await fetch(`${app.url}/v1/metrics`)).json())
  const named = new Map<string, Record<string, unknown>>(items.map((item: { name: string }) => [item.name, item]))
  expect([...named.keys()].sort()).toEqual(
    'accuracy allClose balancedAccuracy cosine crossEntropy macroF1 mae maxAbsDifference meanIoU mse r2 rmse rocAuc topK'.split(
      ' ',
    ),
  )
  expect(named.get('crossEntropy')).toMatchObject({ direction: 'min', target: 'classes' })
  expect(named.get('topK')).toMatchObject({ direction: 'max', parameters: { properties: { k: { default: 5 } } } })
})
