import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { type ModelRecord, model as modelSchema } from '../../schemas/model.ts'
import {
  expectNoContent,
  expectNothingIncoming,
  filesIn,
  json,
  postJson,
  readProblem,
  uploadModel,
} from '../support/http-client.ts'
import { cancelJob, untilStatus } from '../support/long-merge.ts'
import { elementType, linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** Of a byte each, which takes long to compute for its size. */
const elements = 1 << 24

/** A model whose 16 MB of weights lie in another file. */
async function uploadBig(): Promise<ModelRecord> {
  const main = linearModel([], [1, 2, 3, 4], ({ graph }) => {
    const externalData = [{ key: 'location', value: 'weights/W.bin' }]
    const matrix = {
      name: 'W',
      dims: [elements / 4, 4],
      dataType: elementType.float8e4m3fn,
      dataLocation: 1,
      externalData,
    }
    graph.initializer?.splice(0, 1, matrix)
  })
  const { id } = await uploadModel(app.url, main)
  const body = new Uint8Array(elements).fill(0x30)
  const response = await fetch(`${app.url}/v1/models/${id}/data/weights/W.bin`, { method: 'PUT', body })
  return modelSchema.parse(await response.json())
}

const remove = (reference: string) => fetch(`${app.url}/v1/models/${reference}`, { method: 'DELETE' })

test('DELETE of a model with external data is 409 while a job uses it, all files kept; afterwards all are gone', async () => {
  const { id, sha256, status, files } = await uploadBig()
  expect({ status, locations: files.map(({ location }) => location) }).toEqual({
    status: 'complete',
    locations: ['', 'weights/W.bin'],
  })
  const digests = files.map(file => file.sha256.replace('sha256:', '')).sort()
  // 2 billion numbers to add up: more than a test has time for.
  const models = Array.from({ length: 128 }, () => ({ id }))
  const job = await json<JobRecord>(await postJson(`${app.url}/v1/merges`, { models, normalize: false }))
  await untilStatus(app.url, job.id, 'running')
  for (const reference of [id, sha256]) {
    const { detail, errors } = await readProblem(await remove(reference), 409, 'TUREEN_IN_USE')
    expect(detail).toContain(job.id)
    expect(errors).toMatchObject([{ model: reference }])
  }
  expect((await filesIn(app.data, 'content')).sort()).toEqual(digests)
  for (const path of ['content', 'data/weights/W.bin'])
    expect((await fetch(`${app.url}/v1/models/${id}/${path}`, { method: 'HEAD' })).status).toBe(200)
  expect((await cancelJob(app.url, job.id)).status).toBe(202)
  expect((await remove(id)).status).toBe(204)
  await expectNoContent(app.data)
  await expectNothingIncoming(app.data)
  await readProblem(await fetch(`${app.url}/v1/models/${id}/data/weights/W.bin`), 404, 'TUREEN_NOT_FOUND')
})

test('DELETE after the job leaves the soup the files that it shares', async () => {
  const { id } = await uploadBig()
  const merge = await postJson(`${app.url}/v1/merges?wait=30`, { models: [{ id }, { id }], provenance: false })
  const job = await json<JobRecord>(merge)
  expect(job.status).toBe('succeeded')
  // The soup of a model with itself is that model: the same files under two records.
  const kept = await filesIn(app.data, 'content')
  expect((await remove(id)).status).toBe(204)
  expect(await filesIn(app.data, 'content')).toEqual(kept)
  const { items } = await json<{ items: ModelRecord[] }>(await fetch(`${app.url}/v1/models`))
  for (const soup of items) expect((await remove(soup.id)).status).toBe(204)
  await expectNoContent(app.data)
})
