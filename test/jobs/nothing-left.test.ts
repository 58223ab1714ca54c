import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { batchNormModel, channels, randomLayers } from '../support/batch-norm-model.ts'
import { exportedNet, safetensorsOf, trainedNet } from '../support/exported-net.ts'
import { contentFile, flipBit } from '../support/filled-store.ts'
import { customOperator, endlessLoop, nestedFunctions, sixteenGibibytes } from '../support/hostile-models.ts'
import { json, modelForm, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { evaluating, startApp } from '../support/server.ts'
import { filesIn } from '../support/server-group.ts'
import { accountLimit, expectNothingLeft } from '../support/store-account.ts'
import { until } from '../support/store-client.ts'

const limits = { TUREEN_EVAL_MEMORY: String(512 * 2 ** 20), TUREEN_MAX_STORE_BYTES: String(accountLimit) }

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
let digits: Awaited<ReturnType<typeof client.addDigits>>
beforeAll(async () => {
  app = await startApp({ ...evaluating, ...limits })
  client = searchClient(app.url)
  digits = await client.addDigits()
})
afterAll(() => app.close())
afterEach(() => expectNothingLeft(app))

async function start(path: string, request: object, { post } = client): Promise<JobRecord> {
  const response = await post(path, request)
  if (response.status !== 202) throw new Error(`answered ${response.status}: ${await response.text()}`)
  return json<JobRecord>(response)
}

const jobNow = async (id: string) => json<JobRecord>(await fetch(`${app.url}/v1/jobs/${id}`))

async function ended(id: string, { url } = app): Promise<JobRecord> {
  for (;;) {
    const job = await json<JobRecord>(await fetch(`${url}/v1/jobs/${id}?wait=20`))
    if (job.finishedAt !== null) return job
  }
}

const column = (...values: number[]) => ({ descr: '<f4', shape: [values.length, 1], data: Float32Array.from(values) })

/** A search of few models, which gets to its soups early. */
const search = (settings: object = {}) => ({
  models: digits.ids.slice(0, 3).map(id => ({ id })),
  strategy: { type: 'exhaustive' },
  selection: { dataset: digits.val, metric: 'crossEntropy', batchSize: 4 },
  ...settings,
})

describe('a search leaves no candidate', () => {
  /** A strategy that does not end before it is cancelled. The seed tells it from others. */
  const long = (seed: number) => ({ type: 'cmaEs', seed, generations: 1000 })

  test('when it is cancelled, at whatever moment', async () => {
    // The scores of earlier searches are kept: each search takes other weights.
    for (let time = 0; time < 3; time += 1) {
      const weighed = search({ strategy: long(time) })
      const { id } = await start('/v1/searches', weighed)
      await until('soups are being scored', async () => ((await jobNow(id)).progress?.done ?? 0) > 4 + 3 * time)
      await cancelJob(app.url, id)
      expect((await jobNow(id)).status).toBe('cancelled')
    }
  })

  test('when it is cancelled before its first candidate', async () => {
    for (let time = 0; time < 2; time += 1) {
      const { id } = await start('/v1/searches', search({ strategy: long(100 + time) }))
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
    const { id } = await start(
      '/v1/searches',
      search({ models: digits.ids.map(id => ({ id })), budget: { seconds: 1 } }),
    )
    expect((await ended(id)).status).toBe('succeeded')
  })
})

describe('a job whose evaluation runs longer than it may leaves nothing', () => {
  let hasty: typeof app
  let hastyClient: typeof client
  let models: { id: string }[]
  /** Takes seconds, sample by sample. */
  let dataset: string
  beforeAll(async () => {
    hasty = await startApp({ ...evaluating, ...limits, TUREEN_EVAL_SECONDS: '1' })
    hastyClient = searchClient(hasty.url)
    models = []
    for (const seed of [1, 2, 3]) models.push({ id: await hastyClient.addModel(batchNormModel(randomLayers(3, seed))) })
    const samples = 1_000_000
    const data = new Float32Array(samples * channels).map((_, index) => index % 7)
    const values = { descr: '<f4', shape: [samples, channels], data }
    dataset = (await hastyClient.addDataset(npz({ x: values, t: values }))).id
  })
  afterAll(() => hasty.close())
  afterEach(() => expectNothingLeft(hasty))

  test.each([
    [
      'a search',
      '/v1/searches',
      () => ({
        models,
        strategy: { type: 'exhaustive' },
        selection: { dataset, metric: 'mse', batchSize: 1, inputs: { x: 'x' }, target: 't' },
      }),
    ],
    [
      'a recalibrated merge',
      '/v1/merges',
      () => ({ models, recalibrate: { dataset, batchSize: 1, inputs: { x: 'x' } } }),
    ],
    [
      'an evaluation',
      '/v1/evaluations',
      async () => ({
        model: await hastyClient.addModel(endlessLoop()),
        dataset: (await hastyClient.addDataset(npz({ x: column(1, 2, 3), y: column(1, 2, 3) }))).id,
        inputs: { x: 'x' },
        target: 'y',
        metrics: ['mse'],
      }),
    ],
  ])('%s', async (_, path, request) => {
    const { id } = await start(path, await request(), hastyClient)
    expect(await ended(id, hasty)).toMatchObject({ status: 'failed', error: { code: 'TUREEN_EVALUATION_TIMEOUT' } })
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

describe('an evaluation leaves nothing', () => {
  const request = async (model: Uint8Array<ArrayBuffer>) => ({
    model: await client.addModel(model),
    dataset: (await client.addDataset(npz({ x: column(1, 2, 3), y: column(1, 2, 3) }))).id,
    inputs: { x: 'x' },
    target: 'y',
    metrics: ['mse'],
  })

  test('when it is cancelled', async () => {
    const { id } = await start('/v1/evaluations', await request(endlessLoop()))
    await untilStatus(app.url, id, 'running')
    await cancelJob(app.url, id)
    expect((await ended(id)).status).toBe('cancelled')
  })

  test.each([
    ['takes more memory than it may', sixteenGibibytes, 'TUREEN_EVALUATION_MEMORY'],
    ['crashes its process', () => nestedFunctions(3000), 'TUREEN_EVALUATION_CRASHED'],
    ['cannot be run', customOperator, 'TUREEN_EVALUATION_FAILED'],
  ])('when the model %s', async (_, model, code) => {
    const { id } = await start('/v1/evaluations', await request(model()))
    expect(await ended(id)).toMatchObject({ status: 'failed', error: { code } })
  })
})

describe('a comparison leaves nothing', () => {
  test('when it is cancelled', async () => {
    const { job, model } = await startLongMerge(app.url)
    await cancelJob(app.url, job.id)
    const comparison = { models: Array.from({ length: 8 }, () => ({ id: model.id })) }
    const { id } = await start('/v1/comparisons', comparison)
    await untilStatus(app.url, id, 'running')
    await cancelJob(app.url, id)
    expect((await ended(id)).status).toBe('cancelled')
  })

  test('when it fails', async () => {
    const [one, other] = [linearModel([3, 1], [1, 1]), linearModel([4, 1], [1, 1])]
    const models = [await uploadModel(app.url, one), await uploadModel(app.url, other)]
    flipBit(contentFile(app.data, models[1]?.sha256 ?? ''), 40)
    const { id } = await start('/v1/comparisons', { models: models.map(({ id }) => ({ id })) })
    expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'TUREEN_CONTENT_DAMAGED' } })
    await uploadModel(app.url, other)
  })
})

describe('an export and a conversion leave nothing', () => {
  const sent = async (seed: number) => ({
    model: await uploadModel(app.url, exportedNet(trainedNet(seed))),
    checkpoint: await uploadModel(app.url, safetensorsOf(trainedNet(seed))),
  })

  test('when the checkpoint is another one', async () => {
    const [own, other] = [await sent(1), await sent(2)]
    const failed = await start('/v1/exports', { model: own.model.id, checkpoint: other.checkpoint.id })
    expect(await ended(failed.id)).toMatchObject({ status: 'failed', error: { code: 'TUREEN_EXPORT_UNMATCHED' } })
    const { id } = await start('/v1/exports', { model: own.model.id, checkpoint: own.checkpoint.id })
    const job = await ended(id)
    if (job.type !== 'export' || !job.result) throw new Error('no export')
    const { 'fc1.bias': _, ...lacking } = trainedNet(3)
    const checkpoint = await uploadModel(app.url, safetensorsOf(lacking))
    const conversion = await start(`/v1/exports/${job.result.export.id}/models`, { checkpoint: checkpoint.id })
    expect(await ended(conversion.id)).toMatchObject({ status: 'failed', error: { code: 'TUREEN_CHECKPOINT_DIFFERS' } })
    flipBit(contentFile(app.data, own.model.sha256), 400)
    const damaged = await start(`/v1/exports/${job.result.export.id}/models`, { checkpoint: other.checkpoint.id })
    expect(await ended(damaged.id)).toMatchObject({ status: 'failed', error: { code: 'TUREEN_CONTENT_DAMAGED' } })
    await sent(1)
  })
})

describe('a one-shot soup leaves nothing', () => {
  const posted = (models: readonly Uint8Array<ArrayBuffer>[], recipe?: unknown, signal?: AbortSignal) =>
    fetch(`${app.url}/v1/soup`, { method: 'POST', body: modelForm(models, recipe), ...(signal ? { signal } : {}) })

  test('when it succeeds', async () => {
    const response = await posted([linearModel([1, 2], [3, 4]), linearModel([5, 6], [7, 8])])
    expect({ status: response.status, bytes: (await response.bytes()).length > 0 }).toEqual({
      status: 200,
      bytes: true,
    })
  })

  test.each([
    ['the models differ', [linearModel([1, 2], [3, 4]), linearModel([1], [3])], undefined, 'TUREEN_MODELS_DIFFER'],
    [
      'a weight is not finite',
      [linearModel([Number.NaN, 2], [3, 4]), linearModel([1, 2], [3, 4])],
      { onNonFinite: 'fail' },
      'TUREEN_NOT_FINITE',
    ],
    ['the recipe is wrong', [linearModel([1, 2], [3, 4])], { method: 'none' }, 'TUREEN_REQUEST_INVALID'],
    ['a file is no model', [linearModel([1, 2], [3, 4]), Buffer.from('no model')], undefined, 'TUREEN_NOT_ONNX'],
  ])('when it fails: %s', async (_, models, recipe, code) => {
    const response = await posted(models, recipe)
    expect(await json(response)).toMatchObject({ code })
  })

  test('when its client hangs up while it is merged', async () => {
    const { job, model } = await startLongMerge(app.url)
    await cancelJob(app.url, job.id)
    const content = await fetch(`${app.url}/v1/models/${model.id}/content`)
    const long = new Uint8Array(await content.arrayBuffer())
    const models = Array.from({ length: 6 }, () => long)
    const client = new AbortController()
    const answered = posted(models, undefined, client.signal)
    answered.catch(() => undefined)
    await until('it is being written', async () => (await filesIn(app.data)).incoming.length > models.length)
    client.abort()
    await expect(answered).rejects.toThrow()
  })
})
