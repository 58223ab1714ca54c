import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { externalModel } from '../support/external-model.ts'
import { filesIn, json, postJson, readProblem, sha256, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { converse, expectProblem, openSocket, readAnswer } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'

let app: Awaited<ReturnType<typeof startApp>>
const split = externalModel([1, 2, 3, 4], [5, 6])
const [location = '', data = new Uint8Array()] = Object.entries(split.data).find(([key]) => key.includes('/')) ?? []
let id: string
let content: string[]
beforeAll(async () => {
  app = await startApp()
  id = (await uploadModel(app.url, split.main)).id
  content = await filesIn(app.data, 'content')
})
afterEach(async () => {
  expect(await filesIn(app.data, 'content')).toEqual(content)
})
afterAll(() => app.close())

const dataPath = () => `/v1/models/${id}/data/${location}`
const routes: [string, () => string, string][] = [
  ['a raw model', () => 'POST /v1/models', 'application/octet-stream'],
  ['a model by PUT', () => 'PUT /v1/models', 'application/octet-stream'],
  ['a form of models', () => 'POST /v1/models', 'multipart/form-data; boundary=b'],
  ['a data file', () => `PUT ${dataPath()}`, 'application/octet-stream'],
  ['a data set', () => 'POST /v1/datasets', 'application/octet-stream'],
  ['a soup', () => 'POST /v1/soup', 'multipart/form-data; boundary=b'],
  ['JSON', () => 'POST /v1/merges', 'application/json'],
  ['YAML', () => 'POST /v1/merges', 'application/yaml'],
  ['a body that nobody needs', () => 'POST /v1/jobs/none/cancel', 'application/json'],
]

/** Sends headers alone: a refusal must not need the body, nor invite it. */
function ask(line: string, type: string, ...headers: string[]) {
  const all = ['host: localhost', `content-type: ${type}`, ...headers, 'expect: 100-continue']
  return converse(app.url, `${line} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`)
}

describe.each(routes)('%s', (_, line, type) => {
  test.each(['gzip', 'GZip', 'br', 'zstd', 'identity, deflate', 'aws-chunked'])(
    'with the content encoding %s is 415 before it is read',
    async encoding => {
      const answer = await ask(line(), type, 'content-length: 16', `content-encoding: ${encoding}`)
      const { detail, errors } = expectProblem(answer, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
      const actual = encoding.toLowerCase().replace('identity, ', '')
      expect(errors).toMatchObject([{ field: 'content-encoding', expected: 'identity', actual }])
      expect(detail).toContain(actual)
    },
  )

  test('compressed for the transfer is 415, too', async () => {
    const answer = await ask(line(), type, 'transfer-encoding: gzip, chunked')
    const { errors } = expectProblem(answer, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
    expect(errors).toMatchObject([{ field: 'transfer-encoding', expected: 'chunked', actual: 'gzip' }])
  })

  test.each(['bytes 0-15/32', 'bytes 0-15/*', 'bytes 16-31/32', 'bytes */32', 'nonsense'])(
    'that is a part, %s, is 400 before it is read',
    async range => {
      const answer = await ask(line(), type, 'content-length: 16', `content-range: ${range}`)
      const { errors } = expectProblem(answer, 400, 'TUREEN_REQUEST_INVALID')
      expect(errors).toMatchObject([{ field: 'content-range', actual: range }])
    },
  )
})

describe('a part of a form', () => {
  const send = (header: string) => {
    const head = `--b\r\ncontent-disposition: form-data; name="model"; filename="m.onnx"\r\n${header}\r\n`
    return fetch(`${app.url}/v1/models`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: Buffer.concat([Buffer.from(`${head}\r\n`), split.main, Buffer.from('\r\n--b--\r\n')]),
    })
  }

  test.each([
    ['content-transfer-encoding', 'base64'],
    ['content-transfer-encoding', 'quoted-printable'],
    ['Content-Encoding', 'gzip'],
  ])('with the header %s: %s is 415', async (name, encoding) => {
    const { errors } = await readProblem(await send(`${name}: ${encoding}`), 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
    expect(errors).toMatchObject([{ field: 'model', actual: encoding }])
  })

  test.each([
    'content-transfer-encoding: binary',
    'content-transfer-encoding: 8BIT',
    'content-encoding: identity',
    'x-a: b',
  ])('with the header %s is read', async header => {
    expect((await send(header)).status).toBeOneOf([200, 201])
  })
})

test('gzip that says nothing about itself is refused as what it is', async () => {
  const body = gzipSync(JSON.stringify({ models: [{ id }] }))
  const response = await fetch(`${app.url}/v1/merges`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  const { detail } = await readProblem(response, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
  expect(detail).toContain('gzip')
})

describe('a data file is refused before it is read, and not invited', () => {
  const put = (path: string, ...headers: string[]) => ask(`PUT ${path}`, 'application/octet-stream', ...headers)

  test('at a location that the model does not name', async () => {
    const answer = await put(`/v1/models/${id}/data/other.bin`, 'content-length: 1000000')
    const { errors } = expectProblem(answer, 404, 'TUREEN_NOT_FOUND')
    expect(errors).toMatchObject([{ location: 'other.bin' }])
  })

  test('of a model that has no external data', async () => {
    const whole = await uploadModel(app.url, linearModel([1, 2], [3]))
    const answer = await put(`/v1/models/${whole.id}/data/weights.bin`, 'content-length: 1000000')
    expectProblem(answer, 404, 'TUREEN_NOT_FOUND')
    expect((await fetch(`${app.url}/v1/models/${whole.id}`, { method: 'DELETE' })).status).toBe(204)
  })

  test('of a model that is not here', async () => {
    expectProblem(await put('/v1/models/none/data/other.bin', 'content-length: 9'), 404, 'TUREEN_NOT_FOUND')
  })
})

describe('a complete model', () => {
  let complete: string
  beforeAll(async () => {
    complete = (await uploadModel(app.url, split.main, 'name=complete')).id
    for (const [key, bytes] of Object.entries(split.data)) {
      const url = `${app.url}/v1/models/${complete}/data/${key}`
      expect((await fetch(url, { method: 'PUT', body: bytes })).status).toBe(200)
    }
    content = await filesIn(app.data, 'content')
  })
  const path = () => `/v1/models/${complete}/data/${location}`
  const digest = (bytes: Uint8Array) => `sha-256=:${Buffer.from(sha256(bytes), 'hex').toString('base64')}:`

  test.each<[string, string[]]>([
    ['a client that asks first', [`content-length: ${data.byteLength}`]],
    ['another length', [`content-length: ${data.byteLength + 1}`]],
    [
      'another digest',
      [`content-length: ${data.byteLength}`, `repr-digest: ${digest(new Uint8Array(data.byteLength))}`],
    ],
  ])('takes no file, and invites none: %s', async (_, headers) => {
    const answer = await ask(`PUT ${path()}`, 'application/octet-stream', ...headers)
    const { errors } = expectProblem(answer, 409, 'TUREEN_MODEL_COMPLETE')
    expect(errors).toMatchObject([{ model: complete, location, expected: `sha256:${sha256(data)}` }])
  })

  test('refuses a body of another length that comes unasked', async () => {
    const response = await fetch(`${app.url}${path()}`, { method: 'PUT', body: new Uint8Array(5_000_000) })
    await readProblem(response, 409, 'TUREEN_MODEL_COMPLETE')
  })

  test('takes the bytes that it has again, so that a client can retry', async () => {
    const again = (headers: Record<string, string>) =>
      fetch(`${app.url}${path()}`, { method: 'PUT', body: Uint8Array.from(data), headers })
    expect((await again({})).status).toBe(200)
    expect((await again({ 'content-digest': digest(data) })).status).toBe(200)
    const socket = await openSocket(app.url)
    const head = [`PUT ${path()} HTTP/1.1`, 'host: localhost', 'expect: 100-continue', `repr-digest: ${digest(data)}`]
    socket.write(`${head.join('\r\n')}\r\ncontent-length: ${data.byteLength}\r\n\r\n`)
    const [said] = await once(socket, 'data')
    expect(String(said)).toMatch(/^HTTP\/1.1 100 Continue/)
    socket.write(data)
    expect((await readAnswer(socket)).status).toBe(200)
  })
})

describeShared('the files in ../shared/cases/clients', () => {
  const file = async (name: string) => Uint8Array.from(await readFile(join(sharedDirectory, 'cases/clients', name)))

  test.each([
    ['ext.onnx', 'weights.bin'],
    ['slack.onnx', 'slack.bin'],
  ])('%s takes %s whole, and nothing else', async (name, dataName) => {
    const [model, bytes] = await Promise.all([file(name), file(dataName)])
    const record = await uploadModel(app.url, model, `name=${name}`)
    const [missing = ''] = record.missing
    const before = await filesIn(app.data, 'content')
    const put = (headers: Record<string, string>) =>
      fetch(`${app.url}/v1/models/${record.id}/data/${encodeURIComponent(missing)}`, {
        method: 'PUT',
        body: bytes,
        headers,
      })
    await readProblem(await put({ 'content-encoding': 'gzip' }), 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
    const range = `bytes 0-${bytes.byteLength - 1}/${2 * bytes.byteLength}`
    await readProblem(await put({ 'content-range': range }), 400, 'TUREEN_REQUEST_INVALID')
    expect(await filesIn(app.data, 'content')).toEqual(before)
    expect(await json(await put({}))).toMatchObject({ status: 'complete', missing: [] })
    expect((await fetch(`${app.url}/v1/models/${record.id}`, { method: 'DELETE' })).status).toBe(204)
  })
})

test('identity and an empty encoding say nothing', async () => {
  for (const encoding of ['identity', 'Identity', '', 'identity, identity']) {
    const response = await fetch(`${app.url}/v1/merges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      body: '{"models": [{"id": "none"}]}',
    })
    await readProblem(response, 404, 'TUREEN_NOT_FOUND')
  }
  expect(await json(await postJson(`${app.url}/v1/merges`, { models: [] }))).toMatchObject({ status: 400 })
})
