import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SearchResult } from '../../schemas/search.ts'
import { batchNormModel, initializersOf, randomLayers } from '../support/batch-norm-model.ts'
import { json, merge, mergedContent, postJson, uploadModel } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { seededRandom } from '../support/random.ts'
import { startApp } from '../support/server.ts'

const rows = 64

/** Replaces names by others in Latin-1 that are as long. */
function renamed(model: Uint8Array, names: Record<string, string>): Uint8Array<ArrayBuffer> {
  let text = Buffer.from(model).toString('latin1')
  for (const [name, other] of Object.entries(names)) text = text.replaceAll(name, other)
  return Uint8Array.from(Buffer.from(text, 'latin1'))
}

const inner = {
  in0: '\u00efn0',
  in1: '\u00efn1',
  norm0: 'n\u00f6rm0',
  weight: 'w\u00e9ight',
  mean: 'm\u00e9an',
  variance: 'vari\u00e4nce',
}
/** With their length before them. */
const ends = { '\u0001x': '\u0001\u00fe', '\u0001y': '\u0001\u00ff' }

let app: Awaited<ReturnType<typeof startApp>>
let dataset: string
const plain = [1, 2].map(seed => batchNormModel(randomLayers(2, seed)))
beforeAll(async () => {
  app = await startApp()
  const random = seededRandom(3)
  const array = () => ({
    descr: '<f4',
    shape: [rows, 3],
    data: Float32Array.from({ length: rows * 3 }, () => random.next()),
  })
  const body = npz({ x: array(), t: array() })
  dataset = (await json<{ id: string }>(await fetch(`${app.url}/v1/datasets`, { method: 'POST', body }))).id
})
afterAll(() => app.close())

async function upload(models: readonly Uint8Array<ArrayBuffer>[]): Promise<{ id: string }[]> {
  const records = await Promise.all(models.map(bytes => uploadModel(app.url, bytes)))
  return records.map(({ id }) => ({ id }))
}

test('models with inner names that are not UTF-8 are recalibrated and searched as others are', async () => {
  const recalibrate = () => ({ dataset, inputs: { x: 'x' } })
  const statistics: number[][][] = []
  const scores: number[][] = []
  for (const models of [await upload(plain), await upload(plain.map(bytes => renamed(bytes, inner)))]) {
    const job = await merge(app.url, { models, recalibrate: recalibrate() })
    expect(job.error).toBeUndefined()
    statistics.push(Object.values(initializersOf(await mergedContent(app.url, job))))
    const selection = { dataset, inputs: { x: 'x' }, target: 't', metric: 'mse' }
    const search = { models, strategy: { type: 'greedy' }, selection, recalibrate: recalibrate() }
    const { result, error } = await json<{ result?: SearchResult; error?: object }>(
      await postJson(`${app.url}/v1/searches?wait=60`, search),
    )
    expect(error).toBeUndefined()
    scores.push((result?.candidates ?? []).map(({ score }) => Number(score)))
  }
  expect(statistics[0]?.length).toBe(10)
  expect(statistics[1]).toEqual(statistics[0])
  expect(scores[0]?.length).toBeGreaterThan(1)
  expect(scores[1]).toEqual(scores[0])
})

test('a model whose input and output have names that are not UTF-8 is merged, and no evaluator is asked to run it', async () => {
  const models = await upload(plain.map(bytes => renamed(bytes, ends)))
  expect((await merge(app.url, { models })).status).toBe('succeeded')
  const request = { model: models[0]?.id, dataset, inputs: { '\ufffdFE': 'x' }, target: 't', metrics: ['mse'] }
  const answer = await json<{ code?: string; errors?: { tensor: string }[]; error?: object }>(
    await postJson(`${app.url}/v1/evaluations?wait=30`, request),
  )
  expect(answer.error ?? answer).toMatchObject({
    status: 422,
    code: 'TUREEN_DATASET_MISMATCH',
    errors: [{ tensor: '\ufffdFE' }, { tensor: '\ufffdFF' }],
  })
})
