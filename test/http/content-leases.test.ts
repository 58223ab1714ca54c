import { afterAll, beforeAll, expect, test } from 'vitest'
import { uploadInFiles } from '../support/external-client.ts'
import { externalModel } from '../support/external-model.ts'
import { json, postJson, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

/** Every step below that reads content must hold leases while it runs, and none afterwards. */
let app: Awaited<ReturnType<typeof startApp>>
let digits: { ids: string[]; val: string; test: string }
beforeAll(async () => {
  app = await startApp()
  digits = await searchClient(app.url).addDigits()
})
afterAll(() => app.close())

async function leases(): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text()
  return Number(/^tureen_content_leases (\d+)$/m.exec(text)?.[1])
}

const untilNone = () => until('all leases are released', async () => (await leases()) === 0)

async function run(path: string, body: object): Promise<string> {
  const { status } = await json<{ status: string }>(await postJson(`${app.url}${path}?wait=60`, body))
  return status
}

test('jobs of every type release their content', async () => {
  const { ids, val } = digits
  const models = ids.slice(0, 3).map(id => ({ id }))
  const evaluation = { model: ids[0], dataset: val, metrics: ['accuracy'] }
  const search = { models, strategy: { type: 'greedy' }, selection: { dataset: val, metric: 'accuracy' } }
  expect(await run('/v1/merges', { models })).toBe('succeeded')
  expect(await run('/v1/comparisons', { models })).toBe('succeeded')
  expect(await run('/v1/evaluations', evaluation)).toBe('succeeded')
  expect(await run('/v1/searches', search)).toBe('succeeded')
  await untilNone()
})

test('a running job holds its content, and a cancelled one releases it', async () => {
  const { job } = await startLongMerge(app.url)
  await untilStatus(app.url, job.id, 'running')
  await until('the job reads its model', async () => (await leases()) > 0)
  await cancelJob(app.url, job.id)
  await untilNone()
})

test('refused and failed steps release their content', async () => {
  const other = await uploadModel(app.url, linearModel([1], [2]))
  const refused = await postJson(`${app.url}/v1/merges`, { models: [{ id: digits.ids[0] }, { id: other.id }] })
  expect(refused.status).toBeGreaterThanOrEqual(400)
  await untilNone()
})

test('downloads release their content, whole, in part, as one file and cut off', async () => {
  const [id] = digits.ids
  const content = `${app.url}/v1/models/${id}/content`
  for (const headers of [{}, { range: 'bytes=10-20' }]) {
    const response = await fetch(content, { headers })
    expect(response.ok).toBe(true)
    await response.arrayBuffer()
  }
  const { job, model } = await startLongMerge(app.url)
  await cancelJob(app.url, job.id)
  await untilNone()
  const cut = new AbortController()
  const response = await fetch(`${app.url}/v1/models/${model.id}/content`, { signal: cut.signal })
  const reader = response.body?.getReader()
  await reader?.read()
  expect(await leases()).toBe(1)
  cut.abort()
  await untilNone()
  const inFiles = await uploadInFiles(app.url, externalModel([1, 2, 3, 4], [5, 6]))
  const inline = await fetch(`${app.url}/v1/models/${inFiles}/content?external=inline`)
  expect(inline.status).toBe(200)
  await inline.arrayBuffer()
  await fetch(`${app.url}/v1/models/${inFiles}/tensors`)
  await untilNone()
})
