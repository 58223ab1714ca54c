import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  expectNothingIncoming,
  filesIn,
  json,
  merge,
  postSoup,
  readProblem,
  sha256,
  uploadModel,
} from '../support/http-client.ts'
import { converse } from '../support/raw-http.ts'
import { projectFile, startApp } from '../support/server.ts'

/** Enough for two of the digits (159,308 bytes each), not for three. */
const limit = 400_000

let app: Awaited<ReturnType<typeof startApp>>
let models: Buffer<ArrayBuffer>[]
beforeAll(async () => {
  app = await startApp({ TUREEN_MAX_STORE_BYTES: String(limit) })
  models = await Promise.all([0, 1, 2].map(number => projectFile(`examples/digits/ft${number}.onnx`)))
})
afterAll(() => app.close())

test('a full store takes no more, makes no more, says so, and goes on when there is room again', async () => {
  const [ft0 = Buffer.alloc(0), ft1 = Buffer.alloc(0), ft2 = Buffer.alloc(0)] = models
  const first = await uploadModel(app.url, ft0)
  const second = await uploadModel(app.url, ft1)
  const kept = [ft0, ft1].map(sha256).sort()

  const announced = await fetch(`${app.url}/v1/models`, { method: 'POST', body: ft2 })
  const { detail } = await readProblem(announced, 507, 'TUREEN_STORE_FULL')
  expect(detail).toContain('TUREEN_MAX_STORE_BYTES')
  const head = `POST /v1/models HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: ${ft2.length}\r\n\r\n`
  expect((await converse(app.url, head)).text).toMatch(/^HTTP\/1.1 507 /)
  const streamed = await fetch(`${app.url}/v1/models`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Blob([ft2]).stream(),
    duplex: 'half',
  })
  await readProblem(streamed, 507, 'TUREEN_STORE_FULL')
  await readProblem(await postSoup(app.url, [ft2]), 507, 'TUREEN_STORE_FULL')
  const job = await merge(app.url, { models: [{ id: first.id }, { id: second.id }] })
  expect(job).toMatchObject({ status: 'failed', error: { status: 507, code: 'TUREEN_STORE_FULL' } })
  await expectNothingIncoming(app.data)
  expect((await filesIn(app.data, 'content')).sort()).toEqual(kept)

  expect((await fetch(`${app.url}/v1/models/${second.id}`, { method: 'DELETE' })).status).toBe(204)
  const itself = await merge(app.url, { models: [{ id: first.id }, { id: first.id, weight: 2 }] })
  expect(itself.status).toBe('succeeded')
  const again = await fetch(`${app.url}/v1/models`, { method: 'POST', body: ft2 })
  await readProblem(again, 507, 'TUREEN_STORE_FULL')
  await fetch(`${app.url}/v1/models/${itself.result?.model.id}`, { method: 'DELETE' })
  const { items } = await json<{ items: unknown[] }>(await fetch(`${app.url}/v1/models`))
  expect(items).toHaveLength(1)
  await uploadModel(app.url, ft2)
})
