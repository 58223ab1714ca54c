import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  batchNormModel,
  channels,
  initializersOf,
  measuredByDefinition,
  randomLayers,
  randomSamples,
} from '../support/batch-norm-model.ts'
import { json, merge, mergedContent, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let models: { id: string }[]
let dataset: { id: string; sha256: string }
const samples = randomSamples(150, 3)
const layers = [randomLayers(3, 1), randomLayers(3, 2)] as const
/** What a uniform soup of the two models has as its weights. */
const averaged = layers[0].map((layer, index) => {
  const other = layers[1][index] ?? layer
  const mean = (a: number[], b: number[]) => a.map((value, at) => Math.fround((value + (b[at] ?? 0)) / 2))
  return {
    weight: mean(layer.weight, other.weight),
    scale: mean(layer.scale, other.scale),
    bias: mean(layer.bias, other.bias),
    mean: mean(layer.mean, other.mean),
    variance: mean(layer.variance, other.variance),
  }
})
const uniform = () => models.map(({ id }) => ({ id }))

beforeAll(async () => {
  app = await startApp()
  models = await Promise.all(layers.map(each => uploadModel(app.url, batchNormModel(each))))
  const labels = Int32Array.from({ length: 150 }, (_, row) => row % channels)
  dataset = await searchClient(app.url).addDataset(
    npz({
      x: { descr: '<f4', shape: [150, channels], data: samples.flat },
      label: { descr: '<i4', shape: [150], data: labels },
    }),
  )
})
afterAll(() => app.close())

describe('recalibrating a soup', () => {
  it('writes what the definition gives for the averaged weights, layer after layer, and leaves everything else', async () => {
    const job = await merge(app.url, { models: uniform(), recalibrate: { dataset: dataset.id } })
    expect(job.error).toBeUndefined()
    const soup = initializersOf(await mergedContent(app.url, job))
    for (const [index, { mean, variance }] of measuredByDefinition(averaged, samples.rows).entries()) {
      for (const [name, expected] of Object.entries({ mean, variance })) {
        for (const [channel, value] of expected.entries())
          expect(Math.abs((soup[`${name}${index}`]?.[channel] ?? 0) / value - 1)).toBeLessThan(2e-5)
      }
      expect(soup[`weight${index}`]).toEqual(averaged[index]?.weight)
      expect(soup[`bias${index}`]).toEqual(averaged[index]?.bias)
    }
    expect(job.result?.report.recalibration).toMatchObject({ samples: 150, passes: 3, left: [] })
    expect(job.result?.report.recalibration?.layers.map(({ node }) => node)).toEqual(['norm0', 'norm1', 'norm2'])
  })

  it('is part of the recipe, which posts again to the same bytes', async () => {
    const job = await merge(app.url, {
      models: uniform(),
      recalibrate: { dataset: dataset.id, batches: 2, batchSize: 50 },
    })
    expect(job.result?.report.recalibration?.samples).toBe(100)
    const recipe = await json<object>(await fetch(`${app.url}/v1/models/${job.result?.model.id}/recipe`))
    expect(recipe).toMatchObject({
      recalibrate: { dataset: dataset.sha256, inputs: { x: 'x' }, batches: 2, batchSize: 50 },
    })
    const again = await merge(app.url, recipe)
    expect(again.result?.model.sha256).toBe(job.result?.model.sha256)
    const plain = await merge(app.url, { models: uniform() })
    expect(plain.result?.model.sha256).not.toBe(job.result?.model.sha256)
  })

  it('says how the soup scores before and after, as evaluations of the two say', async () => {
    const client = searchClient(app.url)
    const recalibrate = { dataset: dataset.id, metric: 'accuracy', target: 'label' }
    const job = await merge(app.url, { models: uniform(), recalibrate })
    const plain = await merge(app.url, { models: uniform() })
    const accuracy = async (model: string | undefined) =>
      (await client.evaluate({ model, dataset: dataset.id, metrics: ['accuracy'] })).result?.metrics.accuracy
    expect(job.result?.report.recalibration?.score).toEqual({
      before: await accuracy(plain.result?.model.id),
      after: await accuracy(job.result?.model.id),
    })
  })

  it('refuses models without batch norms before there is a job, and says why there may be none', async () => {
    const folded = await uploadModel(app.url, linearModel([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3]))
    const response = await postJson(`${app.url}/v1/merges`, {
      models: [{ id: folded.id }],
      recalibrate: { dataset: dataset.id },
    })
    const problem = await readProblem(response, 422, 'TUREEN_RECALIBRATION_IMPOSSIBLE')
    expect(problem.detail).toMatch(/folded/)
    expect(problem.errors).toEqual([{ field: 'recalibrate', message: expect.any(String) }])
  })

  it('refuses data that do not fit, naming the field, and a target that nothing is scored by', async () => {
    const recalibrate = { dataset: dataset.id, inputs: { x: 'label' } }
    const response = await postJson(`${app.url}/v1/merges`, { models: uniform(), recalibrate })
    const problem = await readProblem(response, 422, 'TUREEN_DATASET_MISMATCH')
    expect(problem.errors[0]?.field).toBe('recalibrate.inputs.x')
    const untargeted = { models: uniform(), recalibrate: { dataset: dataset.id, target: 'label' } }
    await readProblem(await postJson(`${app.url}/v1/merges`, untargeted), 400, 'TUREEN_REQUEST_INVALID')
  })
})

describe('a search that recalibrates', () => {
  it('scores soups as they are recalibrated, models by themselves as they are, and makes what its recipe makes', async () => {
    const client = searchClient(app.url)
    const { result } = await client.search({
      models: uniform(),
      strategy: { type: 'sweep', steps: 3 },
      selection: { dataset: dataset.id, metric: 'crossEntropy', target: 'label' },
      recalibrate: { dataset: dataset.id },
    })
    const job = await merge(app.url, { models: uniform(), recalibrate: { dataset: dataset.id } })
    const score = async (model: string | undefined) =>
      (await client.evaluate({ model, dataset: dataset.id, metrics: ['crossEntropy'] })).result?.metrics.crossEntropy
    expect(result?.uniform?.score).toBe(await score(job.result?.model.id))
    expect(result?.bestSingle.score).toBe(
      Math.min(...(await Promise.all(models.map(async ({ id }) => (await score(id)) ?? Number.NaN)))),
    )
    if (result?.winner.models.length === 2) {
      const recipe = await json<object>(await fetch(`${app.url}/v1/models/${result.model.id}/recipe`))
      expect((await merge(app.url, recipe)).result?.model.sha256).toBe(result.model.sha256)
    }
  })
})
