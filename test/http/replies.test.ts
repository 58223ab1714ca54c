import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pathsWithInlineParts } from '../../docs/generator/inline-parts.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { json, postJson, readProblem, sha256, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { converse } from '../support/raw-http.ts'
import { projectFile, startApp } from '../support/server.ts'

type Named = { id: string; sha256: string; fingerprint?: string | null }
type List = { items: Named[] }

const bytes = linearModel([1, 2], [3, 4])
let app: Awaited<ReturnType<typeof startApp>>
let model: Named
let dataset: Named
beforeAll(async () => {
  app = await startApp()
  model = await uploadModel(app.url, bytes, 'name=replies&label=run:1')
  dataset = await evaluationClient(app.url).addDataset(await projectFile('examples/digits/val.npz'))
})
afterAll(() => app.close())

describe('an answer of JSON', () => {
  test.each([
    ['a record', () => `/v1/models/${model.id}`],
    ['a list', () => '/v1/jobs'],
    ['a problem', () => '/v1/models/none'],
    ['health', () => '/healthz'],
    ['the document', () => '/openapi.json'],
  ])('ends with a newline, and has the length that it says: %s', async (_, path) => {
    const response = await fetch(`${app.url}${path()}`, { headers: { connection: 'close' } })
    const text = await response.text()
    expect(text).toMatch(/[}\]]\n$/)
    expect(Number(response.headers.get('content-length'))).toBe(Buffer.byteLength(text))
    expect(JSON.parse(text)).toBeTypeOf('object')
  })

  test('ends so also where a request is no HTTP, or a body too large to be read', async () => {
    expect((await converse(app.url, 'NONSENSE\r\n\r\n')).body).toMatch(/\}\n$/)
    const response = await fetch(`${app.url}/v1/merges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `"${'x'.repeat(3 << 20)}"`,
    })
    expect(response.status).toBe(413)
    expect(await response.text()).toMatch(/\}\n$/)
  })

  test('that is none stays as it is: a file, an empty answer, a stream of events', async () => {
    const content = await fetch(`${app.url}/v1/models/${model.id}/content`)
    expect(Buffer.from(await content.arrayBuffer())).toEqual(Buffer.from(bytes))
    const etag = (await fetch(`${app.url}/v1/models/${model.id}`)).headers.get('etag') ?? ''
    const known = await fetch(`${app.url}/v1/models/${model.id}`, { headers: { 'if-none-match': etag } })
    expect([known.status, await known.text()]).toEqual([304, ''])
  })
})

describe('an unknown query parameter', () => {
  test.each([
    ['GET', '/v1/models?lable=run:1', 'lable', 'label'],
    ['GET', '/v1/jobs?stats=failed', 'stats', 'status'],
    ['GET', '/v1/datasets?sha=1', 'sha', 'sha256'],
    ['POST', '/v1/merges?wiat=5', 'wiat', 'wait'],
    ['POST', '/v1/models?title=a', 'title', 'ttl'],
    ['POST', '/v1/soup?weight=1,2', 'weight', 'weights'],
    ['GET', '/v1/models/ID/content?externl=inline', 'externl', 'external'],
    ['GET', '/v1/models/ID/tensors?limt=5', 'limt', 'limit'],
    ['GET', '/v1/jobs/none?await=5', 'await', 'wait'],
  ])('is refused with the nearest that there is: %s %s', async (method, path, field, near) => {
    const url = `${app.url}${path.replace('ID', model.id)}`
    const response = method === 'GET' ? await fetch(url) : await postJson(url, { models: [{ id: model.id }] })
    if (method === 'POST' && response.status === 415) return
    const problem = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(problem.errors).toMatchObject([{ field, message: expect.stringMatching(new RegExp(`\\b${near}$`)) }])
    expect(problem.detail).toContain(field)
  })

  test.each([
    ['GET', '/v1/models/ID?deep=1'],
    ['GET', '/v1/usage?all=1'],
    ['GET', '/v1/methods?name=ties'],
    ['DELETE', '/v1/models/ID?force=true'],
  ])('is refused where there is none at all, and nothing is done: %s %s', async (method, path) => {
    const response = await fetch(`${app.url}${path.replace('ID', model.id)}`, { method })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: path.split('?')[1]?.split('=')[0] }])
    expect((await fetch(`${app.url}/v1/models/${model.id}`)).status).toBe(200)
  })

  test('is refused once for each, and so are unknown fields of a body', async () => {
    const { errors } = await readProblem(await fetch(`${app.url}/v1/models?a=1&b=2`), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors.map(({ field }) => field).sort()).toEqual(['a', 'b'])
    const body = { models: [{ id: model.id }], outputDtyp: 'float16' }
    const refused = await readProblem(await postJson(`${app.url}/v1/merges`, body), 400, 'TUREEN_REQUEST_INVALID')
    expect(refused.errors).toMatchObject([{ field: 'outputDtyp', message: expect.stringContaining('outputDtype') }])
  })

  test('of a probe or a page does no harm', async () => {
    for (const path of ['/healthz?x=1', '/readyz?x=1', '/docs?x=1'])
      expect((await fetch(`${app.url}${path}`)).status).toBe(200)
  })
})

describe('a digest', () => {
  const bare = (digest: string) => digest.replace('sha256:', '')

  test('names a model or data set in a path, with its prefix and without', async () => {
    for (const [kind, { id, sha256 }] of [
      ['models', model],
      ['datasets', dataset],
    ] as const) {
      for (const reference of [sha256, bare(sha256)])
        expect(await json(await fetch(`${app.url}/v1/${kind}/${reference}`))).toMatchObject({ id })
    }
    const content = await fetch(`${app.url}/v1/models/${bare(model.sha256)}/content`)
    expect(sha256(new Uint8Array(await content.arrayBuffer()))).toBe(sha256(bytes))
  })

  test('filters lists, with its prefix and without', async () => {
    for (const [query, digest] of [
      ['models?sha256', model.sha256],
      ['models?fingerprint', model.fingerprint ?? ''],
      ['datasets?sha256', dataset.sha256],
    ] as const) {
      for (const value of [digest, bare(digest)])
        expect((await json<List>(await fetch(`${app.url}/v1/${query}=${value}`))).items).toHaveLength(1)
      expect((await fetch(`${app.url}/v1/${query}=${digest.slice(0, -1)}`)).status).toBe(400)
    }
  })

  test('names models in bodies, with its prefix and without', async () => {
    const models = [{ id: bare(model.sha256) }, { id: model.sha256 }]
    expect((await postJson(`${app.url}/v1/merges?wait=60`, { models })).status).toBe(200)
  })

  test('is none in the documentation of job ids', async () => {
    const document = await json(await fetch(`${app.url}/openapi.json`))
    for (const [path, operations] of Object.entries(pathsWithInlineParts(document))) {
      if (path.startsWith('/v1/jobs/'))
        expect(JSON.stringify(Object.values(operations).map(({ parameters }) => parameters))).not.toMatch(
          /sha256|digest/,
        )
    }
  })
})

describe('GET /v1/models/{id}/content/{filename}', () => {
  test.each(['model.onnx', 'a b.onnx', 'modèle.onnx', 'no-suffix'])('serves the content as %s', async filename => {
    const url = `${app.url}/v1/models/${model.id}/content/${encodeURIComponent(filename)}`
    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(sha256(bytes))
    expect(decodeURIComponent(response.headers.get('content-disposition') ?? '')).toContain(`UTF-8''${filename}`)
    const part = await fetch(url, { headers: { range: 'bytes=2-5' } })
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 4])
    const head = await fetch(url, { method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe(String(bytes.byteLength))
  })

  test('is 404 for a model that there is not, and 400 for a name with a slash', async () => {
    await readProblem(await fetch(`${app.url}/v1/models/none/content/a.onnx`), 404, 'TUREEN_NOT_FOUND')
    const refused = await fetch(`${app.url}/v1/models/${model.id}/content/a%2Fb.onnx`)
    expect(refused.status).toBeOneOf([400, 404])
  })
})

describe('PUT /v1/models?name=', () => {
  const put = (query: string, body: Uint8Array<ArrayBuffer> | FormData, headers: Record<string, string> = {}) =>
    fetch(`${app.url}/v1/models?${query}`, { method: 'PUT', body, headers })

  test('creates a model of this name, and finds it when the same is sent again', async () => {
    const sent = linearModel([7, 8], [9, 10])
    const first = await put('name=put&label=run:7', sent)
    const record = await json<Named>(first)
    expect(first.status).toBe(201)
    expect(first.headers.get('location')).toBe(`/v1/models/${record.id}`)
    expect(record).toMatchObject({ name: 'put', labels: { run: '7' }, sha256: `sha256:${sha256(sent)}` })
    const again = await put('name=put&label=run:7', sent)
    expect([again.status, (await json<Named>(again)).id]).toEqual([200, record.id])
  })

  test('verifies Content-Digest if there is one', async () => {
    const sent = linearModel([11, 8], [9, 10])
    const digest = (body: Uint8Array) => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
    const wrong = await put('name=digest', sent, { 'content-digest': digest(bytes) })
    await readProblem(wrong, 400, 'TUREEN_DIGEST_MISMATCH')
    expect((await put('name=digest', sent, { 'content-digest': digest(sent) })).status).toBe(201)
  })

  test('needs a name, and takes no form', async () => {
    const { errors } = await readProblem(await put('', bytes), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'name' }])
    const form = new FormData()
    form.append('model', new Blob([bytes]), 'a.onnx')
    await readProblem(await put('name=form', form), 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
    expect((await json<List>(await fetch(`${app.url}/v1/models?name=form`))).items).toEqual([])
  })
})
