import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { batchNormModel, channels, randomLayers } from '../support/batch-norm-model.ts'
import { endlessLoop } from '../support/hostile-models.ts'
import { json, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { evaluating, startApp } from '../support/server.ts'
import { accountLimit, expectNothingLeft } from '../support/store-account.ts'
import { until } from '../support/store-client.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
let digits: Awaited<ReturnType<typeof client.addDigits>>
beforeAll(async () => {
  app = await startApp({ ...evaluating, TUREEN_MAX_STORE_BYTES: String(accountLimit) })
  client = searchClient(app.url)
  digits = await client.addDigits()
})
afterAll(() => app.close())
afterEach(() => expectNothingLeft(app))

async function start(path: string, request: object): Promise<JobRecord> {
  const response = await client.post(path, request)
  if (response.status !== 202) throw new Error(`answered ${response.status}: ${await response.text()}`)
  return json<JobRecord>(response)
}

const jobNow = async (id: string) => json<JobRecord>(await fetch(`${app.url}/v1/jobs/${id}`))

async function ended(id: string): Promise<JobRecord> {
  let job = await jobNow(id)
  while (job.finishedAt === null) job = await json<JobRecord>(await fetch(`${app.url}/v1/jobs/${id}?wait=20`))
  return job
}

const search = (settings: object = {}) => ({
  models: digits.ids.map(id => ({ id })),
  strategy: { type: 'exhaustive' },
  selection: { dataset: digits.val, metric: 'crossEntropy', batchSize: 4 },
  ...settings,
})

describe('a search leaves no candidate', () => {
  test('when it is cancelled, at whatever moment', async () => {
    // The scores of earlier searches are kept: each search takes other weights.
    for (let time = 0; time < 3; time += 1) {
      const weighed = search({ strategy: { type: 'cmaEs', seed: time } })
      const { id } = await start('/v1/searches', weighed)
      await until('soups are being scored', async () => ((await jobNow(id)).progress?.done ?? 0) > 9 + 3 * time)
      await cancelJob(app.url, id)
      expect((await jobNow(id)).status).toBe('cancelled')
    }
  })

  test('when it is cancelled before its first candidate', async () => {
    for (let time = 0; time < 2; time += 1) {
      const { id } = await start('/v1/searches', search({ strategy: { type: 'cmaEs', seed: 100 + time } }))
      await untilStatus(app.url, id, 'running')
      await cancelJob(app.url, id)
    }
  })

  test('when one of its candidates cannot be run', async () => {
    // 1 / W picks a row: the mean of -1 and 1 picks none, as every other mean does.
    const picky = (weight: number) =>
      linearModel([weight, weight], [1, 1], ({ graph }) => {
        graph.node?.push(
          { opType: 'Reciprocal', input: ['W'], output: ['inverse'] },
          { opType: 'Cast', input: ['inverse'], output: ['index'], attribute: [{ name: 'to', type: 2, i: 7 }] },
          { opType: 'Gather', input: ['rows', 'index'], output: ['row'] },
        )
        graph.initializer?.push({ name: 'rows', dims: [4], dataType: 7, int64Data: [1, 2, 3, 4] })
        graph.output?.push({
          name: 'row',
          type: { tensorType: { elemType: 7, shape: { dim: [{ dimParam: 'a' }, { dimParam: 'b' }] } } },
        })
      })
    const ids: string[] = []
    for (const weight of [1, -1, 1.5, 1.25, 1.125, 1.0625]) ids.push(await client.addModel(picky(weight)))
    const column = { descr: '<f4', shape: [4, 1], data: Float32Array.of(1, 2, 3, 4) }
    const targets = { descr: '<f4', shape: [4, 2], data: new Float32Array(8) }
    const dataset = await client.addDataset(npz({ x: column, t: targets }))
    const { id } = await start('/v1/searches', {
      models: ids.map(id => ({ id })),
      strategy: { type: 'exhaustive' },
      selection: { dataset: dataset.id, metric: 'mse', inputs: { x: 'x' }, target: 't', output: 'y' },
    })
    expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'TUREEN_EVALUATION_FAILED' } })
  })

  test('when its time is over', async () => {
    const { id } = await start('/v1/searches', search({ budget: { seconds: 1 } }))
    expect((await ended(id)).status).toBe('succeeded')
  })
})

test('a merge leaves nothing when it is cancelled', async () => {
  for (let time = 0; time < 3; time += 1) {
    const { job } = await startLongMerge(app.url)
    await untilStatus(app.url, job.id, 'running')
    await cancelJob(app.url, job.id)
  }
})

test('a merge leaves nothing when it fails', async () => {
  const notFinite = await uploadModel(app.url, linearModel([Number.NaN, 1], [1, 1]))
  const request = { models: [{ id: notFinite.id }, { id: notFinite.id, weight: 2 }], onNonFinite: 'fail' }
  const { id } = await start('/v1/merges', request)
  expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'TUREEN_NOT_FINITE' } })
})

describe('a recalibrated merge leaves nothing', () => {
  const request = async (samples: number, value: number) => {
    const models = []
    for (const seed of [1, 2]) models.push({ id: await client.addModel(batchNormModel(randomLayers(3, seed))) })
    const data = new Float32Array(samples * channels).map((_, index) => value * (index % 7))
    const x = { descr: '<f4', shape: [samples, channels], data }
    const { id } = await client.addDataset(npz({ x }))
    return { models, recalibrate: { dataset: id, batchSize: 1 } }
  }

  test('when it fails', async () => {
    const { id } = await start('/v1/merges', await request(8, Number.POSITIVE_INFINITY))
    expect((await ended(id)).status).toBe('failed')
  })

  test('when it is cancelled while batch norms are measured', async () => {
    const { id } = await start('/v1/merges', await request(200_000, 1))
    await until('batch norms are measured', async () => {
      const { progress, finishedAt } = await jobNow(id)
      return finishedAt !== null || progress?.message === 'samples measured'
    })
    await cancelJob(app.url, id)
    expect((await ended(id)).status).toBe('cancelled')
  })
})

test('evaluations and comparisons leave nothing when they are cancelled', async () => {
  const model = await client.addModel(endlessLoop())
  const values = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
  const { id: dataset } = await client.addDataset(npz({ x: values, y: values }))
  const evaluation = { model, dataset, inputs: { x: 'x' }, target: 'y', metrics: ['mse'] }
  const { model: long } = await startLongMerge(app.url).then(async ({ job, model }) => {
    await cancelJob(app.url, job.id)
    return { model }
  })
  const comparison = { models: Array.from({ length: 8 }, () => ({ id: long.id })) }
  for (const { id } of [await start('/v1/evaluations', evaluation), await start('/v1/comparisons', comparison)]) {
    await untilStatus(app.url, id, 'running')
    await cancelJob(app.url, id)
    expect((await ended(id)).status).toBe('cancelled')
  }
})
