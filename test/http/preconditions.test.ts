import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { externalModel, type ModelInFiles } from '../support/external-model.ts'
import { json, merge, readProblem, sha256, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let urls: Record<string, string>
beforeAll(async () => {
  app = await startApp()
  const { id } = await uploadModel(app.url, linearModel([1, 1], [1, 1]))
  const npz = await projectFile('examples/digits/val.npz')
  const dataset = await json<{ id: string }>(await fetch(`${app.url}/v1/datasets`, { method: 'POST', body: npz }))
  const job = await merge(app.url, { models: [{ id }] })
  urls = {
    model: `/v1/models/${id}`,
    content: `/v1/models/${id}/content`,
    'data set': `/v1/datasets/${dataset.id}`,
    job: `/v1/jobs/${job.id}`,
  }
})
afterAll(() => app.close())

function ask(
  method: string,
  path: string | undefined,
  headers: Record<string, string> = {},
  body?: Uint8Array<ArrayBuffer>,
) {
  return fetch(`${app.url}${path}`, { method, headers, ...(body ? { body } : {}) })
}

async function tagOf(path: string | undefined): Promise<string> {
  const tag = (await ask('GET', path)).headers.get('etag') ?? ''
  expect(tag).toMatch(/^"[^"]+"$/)
  return tag
}

describe.each(['model', 'content', 'data set', 'job'])('GET of a %s', kind => {
  test('has an entity tag, and is 304 for who has it', async () => {
    const tag = await tagOf(urls[kind])
    expect(await tagOf(urls[kind])).toBe(tag)
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, `"other",W/${tag}`, '*']) {
      const answer = await ask('GET', urls[kind], { 'if-none-match': known })
      expect({ known, status: answer.status, tag: answer.headers.get('etag') }).toEqual({ known, status: 304, tag })
      expect(await answer.text()).toBe('')
    }
    expect((await ask('GET', urls[kind], { 'if-none-match': '"other"' })).status).toBe(200)
  })

  test('is 412 if it is not what If-Match asks for, before anything else', async () => {
    const tag = await tagOf(urls[kind])
    for (const wanted of [tag, `"other", ${tag}`, '*'])
      expect((await ask('GET', urls[kind], { 'if-match': wanted })).status).toBe(200)
    // A weak tag never matches strongly (RFC 9110, 8.8.3.2).
    for (const wanted of ['"other"', `W/${tag}`]) {
      const answer = await ask('GET', urls[kind], { 'if-match': wanted, 'if-none-match': tag })
      expect((await readProblem(answer, 412, 'TUREEN_PRECONDITION_FAILED')).errors).toMatchObject([
        { field: 'if-match' },
      ])
    }
  })
})

describe('DELETE', () => {
  test.each(['job', 'data set', 'model'])('of a %s that has changed is 412, and it stays', async kind => {
    const tag = await tagOf(urls[kind])
    const refused = await ask('DELETE', urls[kind], { 'if-match': '"other"' })
    await readProblem(refused, 412, 'TUREEN_PRECONDITION_FAILED')
    expect(await tagOf(urls[kind])).toBe(tag)
    expect((await ask('DELETE', urls[kind], { 'if-match': tag })).status).toBe(204)
    expect((await ask('GET', urls[kind])).status).toBe(404)
  })

  test('of a model whose data came in the meantime is 412', async () => {
    const model = externalModel([1, 2, 3, 4], [5, 6])
    const { id } = await uploadModel(app.url, model.main)
    const tag = await tagOf(`/v1/models/${id}`)
    await ask('PUT', `/v1/models/${id}/data/b.bin`, {}, model.data['b.bin'])
    await readProblem(await ask('DELETE', `/v1/models/${id}`, { 'if-match': tag }), 412, 'TUREEN_PRECONDITION_FAILED')
    expect(await tagOf(`/v1/models/${id}`)).not.toBe(tag)
  })
})

describe('PUT of external data', () => {
  let model: ModelInFiles
  let record: ModelRecord
  const path = () => `/v1/models/${record.id}/data/b.bin`
  const put = (headers: Record<string, string>, bytes = model.data['b.bin']) => ask('PUT', path(), headers, bytes)
  beforeAll(async () => {
    model = externalModel([1, 2, 3, 4], [7, 8])
    record = await uploadModel(app.url, model.main, 'name=lacking')
  })

  test('with If-Match is 412 while nothing is there', async () => {
    for (const wanted of ['*', '"any"'])
      await readProblem(await put({ 'if-match': wanted }), 412, 'TUREEN_PRECONDITION_FAILED')
    await readProblem(await ask('GET', path()), 409, 'TUREEN_MODEL_INCOMPLETE')
  })

  test('with If-None-Match: * is taken once', async () => {
    const other = new Uint8Array(Float32Array.of(9, 9).buffer)
    const answers = await Promise.all([put({ 'if-none-match': '*' }), put({ 'if-none-match': '*' }, other)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412])
    await readProblem(await put({ 'if-none-match': '*' }), 412, 'TUREEN_PRECONDITION_FAILED')
  })

  test('with If-Match replaces what is known to be there, and nothing else', async () => {
    await put({})
    const tag = await tagOf(path())
    expect(tag).toBe(`"${sha256(model.data['b.bin'] ?? new Uint8Array())}"`)
    const other = new Uint8Array(Float32Array.of(3, 4).buffer)
    await readProblem(await put({ 'if-match': '"other"' }, other), 412, 'TUREEN_PRECONDITION_FAILED')
    expect(await tagOf(path())).toBe(tag)
    expect((await put({ 'if-match': tag }, other)).status).toBe(200)
    expect(await tagOf(path())).toBe(`"${sha256(other)}"`)
  })
})
