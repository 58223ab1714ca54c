import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { expectNothingKept, json, readProblem } from '../support/http-client.ts'
import { converse } from '../support/raw-http.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let ft0: Buffer<ArrayBuffer>

beforeAll(async () => {
  app = await startApp()
  ft0 = await projectFile('examples/digits/ft0.onnx')
})
afterAll(() => app.close())

describe('what is not a model file', () => {
  test.each(['application/json', 'text/plain', 'image/png', 'application/onnx+zip'])(
    'the content type %s is refused with 415',
    async type => {
      const response = await fetch(`${app.url}/v1/models`, {
        method: 'POST',
        body: ft0,
        headers: { 'content-type': type },
      })
      const { detail } = await readProblem(response, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
      expect(detail).toContain('multipart/form-data')
    },
  )

  test('a content type that is none is refused with 415, and told what an upload may be', async () => {
    const headers = { 'content-type': 'nonsense' }
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body: ft0, headers })
    const { detail } = await readProblem(response, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
    expect(detail).toContain('multipart/form-data')
  })

  test('nothing is kept of it', () => expectNothingKept(app))
})

describe('a raw body is the model', () => {
  test('without a content type, as fetch sends bytes', async () => {
    const response = await fetch(`${app.url}/v1/models?name=bare`, { method: 'POST', body: ft0 })
    expect(response.status).toBe(201)
    expect(await json(response)).toMatchObject({ name: 'bare', bytes: 159_308 })
  })

  test.each(['application/octet-stream', 'application/x-www-form-urlencoded', 'Application/Octet-Stream; x=y'])(
    'with content type %s',
    async type => {
      const response = await fetch(`${app.url}/v1/models?name=${encodeURIComponent(type)}`, {
        method: 'POST',
        body: ft0,
        headers: { 'content-type': type },
      })
      expect(response.status).toBe(201)
      expect(await json(response)).toMatchObject({
        sha256: 'sha256:157bff2beee9101e238baeed19ef2065968e4c0c9187dba857ebd41e3dccece7',
      })
    },
  )

  test('in chunks of a length that nobody has said', async () => {
    const chunks = new ReadableStream({
      start(controller) {
        for (let offset = 0; offset < ft0.length; offset += 10_000)
          controller.enqueue(ft0.subarray(offset, offset + 10_000))
        controller.close()
      },
    })
    const response = await fetch(`${app.url}/v1/models?name=chunks`, { method: 'POST', body: chunks, duplex: 'half' })
    expect(response.status).toBe(201)
    expect(await json(response)).toMatchObject({ bytes: 159_308 })
  })

  test('to a client that waits for 100 Continue', async () => {
    const head = `POST /v1/models HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: ${ft0.length}\r\n\r\n`
    const { text } = await converse(app.url, Buffer.concat([Buffer.from(head), ft0]))
    expect(text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 20[01] /)
  })
})

test('the record says what the model is, and Location where', async () => {
  const before = Date.now()
  const url = `${app.url}/v1/models?name=digits%20ft0&label=stage:test&label=git.sha:abc:def`
  const response = await fetch(url, { method: 'POST', body: ft0 })
  const record = await json<ModelRecord>(response)
  expect(response.status).toBe(201)
  expect(response.headers.get('location')).toBe(`/v1/models/${record.id}`)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  expect(record).toEqual({
    id: expect.stringMatching(/^\S+$/),
    name: 'digits ft0',
    labels: { stage: 'test', 'git.sha': 'abc:def' },
    sha256: 'sha256:157bff2beee9101e238baeed19ef2065968e4c0c9187dba857ebd41e3dccece7',
    bytes: 159_308,
    files: [
      {
        location: '',
        bytes: 159_308,
        sha256: 'sha256:157bff2beee9101e238baeed19ef2065968e4c0c9187dba857ebd41e3dccece7',
      },
    ],
    status: 'complete',
    missing: [],
    kind: 'model',
    checkpoint: null,
    irVersion: 7,
    producer: expect.stringContaining('pytorch'),
    opsets: [{ domain: '', version: 13 }],
    inputs: [{ name: 'image', dtype: 'float32', dims: ['batch', 1, 8, 8] }],
    outputs: [{ name: 'logits', dtype: 'float32', dims: ['batch', 10] }],
    parameters: 39_306,
    tensorCount: expect.any(Number),
    dtypes: { float32: record.tensorCount },
    fingerprint: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
    expiresAt: null,
    lineage: null,
  })
  expect(record.tensorCount).toBeGreaterThanOrEqual(10)
  expect(Date.parse(record.createdAt)).toBeGreaterThanOrEqual(before - 1)
  expect(Date.parse(record.createdAt)).toBeLessThanOrEqual(Date.now() + 1)
  expect(await json(await fetch(`${app.url}${response.headers.get('location')}`))).toEqual(record)
})
