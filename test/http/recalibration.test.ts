import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { initializersOf } from '../support/batch-norm-model.ts'
import {
  expectNothingIncoming,
  json,
  type MergeJob,
  merge,
  mergedContent,
  postJson,
  readProblem,
  uploadModel,
} from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { projectFile, startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

/** Computed by NumPy, checked against PyTorch: test/fixtures/batch-norm/README.md. */
type Expected = {
  samples: number
  accuracy: { a: number; b: number; soup: number; recalibrated: number }
  statistics: Record<string, { mean: number[]; variance: number[] }>
}

const fixture = (name: string) => projectFile(`test/fixtures/batch-norm/${name}`)

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
let models: { id: string }[]
let calibration: { id: string; sha256: string }
let val: { id: string }
let expected: Expected

beforeAll(async () => {
  app = await startApp()
  client = searchClient(app.url)
  expected = JSON.parse(String(await fixture('expected.json')))
  const uploaded = await Promise.all(['a.onnx', 'b.onnx'].map(async name => uploadModel(app.url, await fixture(name))))
  models = uploaded.map(({ id }) => ({ id }))
  calibration = await client.addDataset(await fixture('calibration.npz'))
  val = await client.addDataset(await fixture('val.npz'))
}, 60_000)
afterAll(() => app.close())

async function accuracy(model: string | undefined): Promise<number | null | undefined> {
  const { result } = await client.evaluate({ model, dataset: val.id, metrics: ['accuracy'] })
  return result?.metrics.accuracy
}

describe('recalibrating a soup', () => {
  it('gives the statistics that NumPy gives, and back the accuracy that the averaged ones cost', async () => {
    const plain = await merge(app.url, { models })
    expect(await accuracy(plain.result?.model.id)).toBe(expected.accuracy.soup)
    const job = await merge(app.url, {
      models,
      recalibrate: { dataset: calibration.id, target: 'label', metric: 'accuracy' },
    })
    expect(job.error).toBeUndefined()
    expect(await accuracy(job.result?.model.id)).toBe(expected.accuracy.recalibrated)

    const before = initializersOf(await mergedContent(app.url, plain))
    const soup = initializersOf(await mergedContent(app.url, job))
    const measured = new Set<string>()
    for (const [node, { mean, variance }] of Object.entries(expected.statistics)) {
      const [meanName, varianceName] = [`${node}.running_mean`, `${node}.running_var`]
      for (const [channel, value] of variance.entries()) {
        expect(Math.abs((soup[varianceName]?.[channel] ?? 0) / value - 1)).toBeLessThan(1e-4)
        const distance = Math.abs((soup[meanName]?.[channel] ?? 0) - (mean[channel] ?? 0))
        expect(distance / Math.sqrt(value)).toBeLessThan(1e-4)
      }
      measured.add(meanName).add(varianceName)
    }
    for (const [name, values] of Object.entries(before)) if (!measured.has(name)) expect(soup[name]).toEqual(values)

    const report = job.result?.report.recalibration
    expect(report).toMatchObject({ samples: expected.samples, passes: 7, left: [] })
    expect(report?.layers.map(({ node }) => node)).toEqual(Object.keys(expected.statistics))
    const evaluated = async (model: string | undefined) =>
      (await client.evaluate({ model, dataset: calibration.id, target: 'label', metrics: ['accuracy'] })).result
        ?.metrics.accuracy
    expect(report?.score).toEqual({
      before: await evaluated(plain.result?.model.id),
      after: await evaluated(job.result?.model.id),
    })
  }, 90_000)

  it('is part of the recipe, which posts again to the same bytes', async () => {
    const recalibrate = { dataset: calibration.id, batches: 2, batchSize: 50 }
    const job = await merge(app.url, { models, recalibrate })
    expect(job.result?.report.recalibration?.samples).toBe(100)
    const recipe = await json<object>(await fetch(`${app.url}/v1/models/${job.result?.model.id}/recipe`))
    expect(recipe).toMatchObject({
      recalibrate: { dataset: calibration.sha256, inputs: { image: 'image' }, batches: 2, batchSize: 50 },
    })
    const again = await merge(app.url, recipe)
    expect(again.result?.model.sha256).toBe(job.result?.model.sha256)
  }, 60_000)

  it('can be cancelled while it measures, and leaves nothing', async () => {
    const recalibrate = { dataset: calibration.id, batchSize: 1 }
    const { id } = await json<{ id: string }>(await postJson(`${app.url}/v1/merges`, { models, recalibrate }))
    const look = async () => json<MergeJob>(await fetch(`${app.url}/v1/jobs/${id}`))
    await until('it measures', async () => (await look()).progress?.message === 'samples measured')
    await postJson(`${app.url}/v1/jobs/${id}/cancel`, {})
    expect(await look()).toMatchObject({ status: 'cancelled', error: { code: 'TUREEN_JOB_CANCELLED' } })
    await expectNothingIncoming(app.data)
  })

  it('refuses models without batch norms before there is a job, and says why there may be none', async () => {
    const folded = await uploadModel(app.url, linearModel([1, 2, 3, 4], [1, 2]))
    const x = { descr: '<f4', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }
    const recalibrate = { dataset: (await client.addDataset(npz({ x }))).id }
    const response = await postJson(`${app.url}/v1/merges`, { models: [{ id: folded.id }], recalibrate })
    const problem = await readProblem(response, 422, 'TUREEN_RECALIBRATION_IMPOSSIBLE')
    expect(problem.detail).toMatch(/folded/)
    expect(problem.errors).toMatchObject([{ field: 'recalibrate', message: expect.any(String) }])
  })

  it('refuses data that do not fit, naming the field, and a target that nothing is scored by', async () => {
    const unfit = { models, recalibrate: { dataset: calibration.id, inputs: { image: 'label' } } }
    const problem = await readProblem(await postJson(`${app.url}/v1/merges`, unfit), 422, 'TUREEN_DATASET_MISMATCH')
    expect(problem.errors[0]?.field).toBe('recalibrate.inputs.image')
    const untargeted = { models, recalibrate: { dataset: calibration.id, target: 'label' } }
    await readProblem(await postJson(`${app.url}/v1/merges`, untargeted), 400, 'TUREEN_REQUEST_INVALID')
  })
})

describe('a search that recalibrates', () => {
  it('scores soups as they are recalibrated, and models by themselves as they are', async () => {
    const recalibrate = { dataset: calibration.id, batches: 2 }
    const { result } = await client.search({
      models,
      strategy: { type: 'sweep', steps: 3 },
      selection: { dataset: val.id, metric: 'crossEntropy', target: 'label' },
      test: { dataset: calibration.id },
      recalibrate,
    })
    const score = async (model: string | undefined, dataset: { id: string }) => {
      const request = { model, dataset: dataset.id, target: 'label', metrics: ['crossEntropy'] }
      return (await client.evaluate(request)).result?.metrics.crossEntropy
    }
    const uniform = (await merge(app.url, { models, recalibrate })).result?.model.id
    expect(result?.uniform?.score).toBe(await score(uniform, val))
    expect(result?.test?.uniform).toBe(await score(uniform, calibration))
    const [a, b] = await Promise.all(models.map(({ id }) => score(id, val)))
    expect(result?.bestSingle.score).toBe(Math.min(a ?? Number.NaN, b ?? Number.NaN))
  }, 90_000)

  it('makes a winner whose recipe posts again to the same bytes', async () => {
    const collapsed = []
    for (const weight of [1, 1.25]) {
      const [a, b] = models
      const { result } = await merge(app.url, {
        models: [
          { ...a, weight },
          { ...b, weight: 1 },
        ],
      })
      collapsed.push({ id: result?.model.id })
    }
    const { result } = await client.search({
      models: collapsed,
      strategy: { type: 'topK' },
      selection: { dataset: val.id, metric: 'accuracy' },
      recalibrate: { dataset: calibration.id, batches: 2 },
    })
    expect(result?.winner.models).toHaveLength(2)
    expect(await accuracy(result?.model.id)).toBe(result?.winner.score)
    const recipe = await json<object>(await fetch(`${app.url}/v1/models/${result?.model.id}/recipe`))
    expect((await merge(app.url, recipe)).result?.model.sha256).toBe(result?.model.sha256)
  }, 90_000)
})
