import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { costlyModels } from '../support/costly-models.ts'
import { type ExpectedDigits, readDigits } from '../support/digits.ts'
import {
  initializerDigests,
  json,
  type MergeJob,
  merge,
  mergedContent,
  postJson,
  readProblem,
  sha256,
  soup,
  uploadModel,
} from '../support/http-client.ts'
import { startApp } from '../support/server.ts'

let expected: ExpectedDigits
let files: Buffer<ArrayBuffer>[]

let app: Awaited<ReturnType<typeof startApp>>
let models: ModelRecord[]

beforeAll(async () => {
  app = await startApp()
  ;({ files, expected } = await readDigits())
  models = []
  for (const file of files) models.push(await uploadModel(app.url, file))
})
afterAll(() => app.close())

describe('POST /v1/merges', () => {
  const idOf = (index: number) => models[index]?.id ?? ''

  test('averages all models alike where no weight is given', async () => {
    const job = await merge(app.url, { models: models.map(({ id }) => ({ id })) })
    expect(job).toMatchObject({ status: 'succeeded', type: 'merge' })
    expect(initializerDigests(await mergedContent(app.url, job))).toEqual(expected.uniform.tensors)
  })

  test.each(['id', 'sha256'] as const)('averages 2:3, models named by %s', async key => {
    const [a, b] = models.map(model => ({ id: model[key] }))
    const job = await merge(app.url, {
      models: [
        { ...a, weight: 2 },
        { ...b, weight: 3 },
      ],
    })
    expect(initializerDigests(await mergedContent(app.url, job))).toEqual(expected.two_three.tensors)
  })

  test.each([
    {},
    { method: 'ties', parameters: { density: 0.3 }, base: 1 },
    { rules: [{ match: 'w*', weights: [0.1, 0.9] }], labels: { of: 'check' }, ttl: 600 },
  ])('reads in its job only weights and what it copies, as the check has planned it: %o', async ({ base, ...rest }) => {
    const own = []
    for (const seed of [0, 1])
      own.push(await uploadModel(app.url, costlyModels['tensors in a chain of products'](300, seed)))
    const ids = own.map(({ id }) => ({ id }))
    const job = await merge(app.url, { models: ids, ...rest, ...(base ? { base: own[base]?.id } : {}) })
    const bytes = own.reduce((sum, model) => sum + model.bytes, 0)
    expect(job.result?.report.bytesRead).toBeLessThan(bytes)
  })

  test('records what an upload of the same bytes would record', async () => {
    const job = await merge(app.url, { models: [{ id: idOf(0) }, { id: idOf(1) }] })
    const response = await fetch(`${app.url}/v1/models/${job.result?.model.id}`)
    const merged: ModelRecord = await json(response)
    const uploaded = await uploadModel(app.url, await mergedContent(app.url, job))
    const { id, name, labels, createdAt, lineage, ...described } = merged
    expect(uploaded).toMatchObject(described)
  })

  test('makes the very bytes that /v1/soup does', async () => {
    const job = await merge(app.url, {
      models: [
        { id: idOf(0), weight: 2 },
        { id: idOf(1), weight: 3 },
      ],
    })
    const once = await soup(app.url, files.slice(0, 2), { weights: [2, 3] })
    expect(job.result?.model.sha256).toBe(`sha256:${sha256(once)}`)
  })

  test('of a model with itself, without provenance, is the model that is there already', async () => {
    const request = { models: [{ id: idOf(3) }, { id: idOf(3), weight: 4 }], provenance: false }
    const { result } = await merge(app.url, request)
    expect(result?.model).toMatchObject({ sha256: models[3]?.sha256, bytes: 159_308 })
    expect(result?.report).toMatchObject({ tensors: { averaged: 0, copied: 10 }, nonFinite: 0 })
  })

  test('reports what it did', async () => {
    const job = await merge(app.url, { models: [{ id: idOf(0) }, { id: idOf(1) }] })
    const content = await mergedContent(app.url, job)
    expect(job.result).toEqual({
      model: { id: expect.any(String), name: null, sha256: `sha256:${sha256(content)}`, bytes: content.length },
      models: [0, 1].map(index => ({ id: idOf(index), name: null, sha256: expect.stringMatching(/^sha256:/) })),
      report: {
        // The epsilon and the exponent of LayerNorm are numbers of the arithmetic.
        tensors: { averaged: 10, copied: 0, nonFloat: (models[0]?.tensorCount ?? 0) - 10 },
        nonFinite: 0,
        seconds: expect.any(Number),
        bytesRead: expect.any(Number),
        bytesWritten: content.length,
        warnings: [],
      },
    } satisfies MergeJob['result'])
    expect(job.result?.report.bytesRead).toBeGreaterThanOrEqual(2 * 4 * 39_306)
  })

  test('makes a record with name, labels, lineage and the fingerprint of its inputs', async () => {
    const labels = { stage: 'soup' }
    const request = {
      models: [
        { id: idOf(0), weight: 2 },
        { id: idOf(1), weight: 3 },
      ],
      name: 'two to three',
      labels,
    }
    const { result } = await merge(app.url, request)
    const record = await json<ModelRecord>(await fetch(`${app.url}/v1/models/${result?.model.id}`))
    expect(record).toMatchObject({
      name: 'two to three',
      labels,
      parameters: 39_306,
      status: 'complete',
      fingerprint: models[0]?.fingerprint,
      lineage: {
        method: 'linear',
        normalize: true,
        base: models[0]?.sha256,
        inputs: [
          { sha256: models[0]?.sha256, weight: 2 },
          { sha256: models[1]?.sha256, weight: 3 },
        ],
      },
    })
  })

  test('refuses a model that is not there, naming its place, before there is a job', async () => {
    const request = { models: [{ id: idOf(0) }, { id: 'nobody' }] }
    const response = await postJson(`${app.url}/v1/merges`, request)
    const { errors } = await readProblem(response, 404, 'TUREEN_NOT_FOUND')
    expect(errors).toMatchObject([{ model: 'nobody', field: 'models.1.id' }])
  })
})
