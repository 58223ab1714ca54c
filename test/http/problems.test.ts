import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { postJson, readProblem } from '../support/http-client.ts'
import { converse } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

describe('404', () => {
  test.each([
    '/v1',
    '/v1/model',
    '/v2/models',
    '/v1/models/a/b/c',
    '/favicon.ico',
    '/page/nothing',
    '/V1/MODELS',
    '//v1/models',
  ])('for a path that there is not: %s', async path => {
    const { detail } = await readProblem(await fetch(`${app.url}${path}`), 404, 'TUREEN_NOT_FOUND')
    expect(detail).toContain(path)
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('whatever the method: %s', async method => {
    await readProblem(await fetch(`${app.url}/v1/nothing`, { method }), 404, 'TUREEN_NOT_FOUND')
  })

  test('whatever the content type', async () => {
    const headers = { 'content-type': 'text/odd; charset=whatever' }
    const response = await fetch(`${app.url}/v1/nothing`, { method: 'POST', headers, body: '{' })
    await readProblem(response, 404, 'TUREEN_NOT_FOUND')
  })
})

describe('405, with Allow', () => {
  test.each([
    ['PATCH', '/v1/models', ['GET', 'POST', 'PUT']],
    ['DELETE', '/v1/models', ['GET', 'POST', 'PUT']],
    ['POST', '/v1/models/abc', ['DELETE', 'GET', 'PATCH']],
    ['PUT', '/v1/models/abc', ['DELETE', 'GET', 'PATCH']],
    ['POST', '/v1/models/abc/content', ['GET', 'HEAD']],
    ['GET', '/v1/soup', ['POST']],
    ['GET', '/v1/merges', ['POST']],
    ['GET', '/v1/jobs/abc/cancel', ['POST']],
    ['POST', '/v1/jobs', ['GET']],
    ['PUT', '/v1/jobs/abc', ['DELETE', 'GET']],
    ['POST', '/healthz', ['GET']],
    ['OPTIONS', '/v1/models', ['GET', 'POST', 'PUT']],
    ['POST', '/openapi.json', ['GET']],
  ])('%s %s', async (method, path, allowed) => {
    const response = await fetch(`${app.url}${path}`, { method })
    const allow = response.headers.get('allow')?.split(/, */) ?? []
    expect(allow.filter(each => each !== 'HEAD').sort()).toEqual(allowed.filter(each => each !== 'HEAD'))
    await readProblem(response, 405, 'TUREEN_METHOD_NOT_ALLOWED')
  })

  test.each(['text/odd', 'application/json', 'multipart/form-data', ''])('with a body of type "%s"', async type => {
    const headers = { 'content-type': type }
    const response = await fetch(`${app.url}/v1/merges`, { method: 'PUT', headers, body: '{"not json' })
    expect(response.headers.get('allow')).toBe('POST')
    await readProblem(response, 405, 'TUREEN_METHOD_NOT_ALLOWED')
  })

  test.each(['PROPFIND', 'QUERY', 'MKCOL', 'TRACE'])('or 501 for a method of another protocol: %s', async method => {
    const answer = await new Promise<{ status: number | undefined; type: string | undefined }>((resolve, reject) => {
      const sent = request(`${app.url}/v1/models`, { method, agent: false }, response => {
        response.resume()
        resolve({ status: response.statusCode, type: response.headers['content-type'] })
      })
      sent.on('error', reject)
      sent.end()
    })
    expect(answer.status).toBeOneOf([405, 501])
    expect(answer.type).toMatch(/^application\/problem\+json/)
  })
})

describe('a file of /docs that there is not is 404, as everything else', () => {
  test.each([
    'nothing.js',
    '.hidden',
    '..%2f..',
    '..%2f..%2f..%2f..%2fpackage.json',
    '%2e%2e/%2e%2e/package.json',
    '.%2e/index.html',
    '..%5c..',
    'a%00b',
    'index.html%2f',
    '/evil.example/..',
  ])('%s', async file => {
    for (const path of [`/docs/${file}`, `/docs/api/static/${file}`]) {
      const { status, headers, body, text } = await converse(app.url, `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
      expect({ path, status, text }).toMatchObject({ status: 404 })
      expect(headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(JSON.parse(body)).toMatchObject({ code: 'TUREEN_NOT_FOUND', requestId: headers['x-request-id'] })
    }
  })
})

describe('a body that is not what a merge takes', () => {
  function post(body: string, type: string): Promise<Response> {
    return fetch(`${app.url}/v1/merges`, { method: 'POST', body, headers: { 'content-type': type } })
  }

  test.each(['{', '{"models":', '{"models":[}', 'models', "{'models':[]}", '{"models":[]}}', ' '])(
    'malformed JSON is 400: %s',
    async body => {
      const { detail } = await readProblem(await post(body, 'application/json'), 400, 'TUREEN_BODY_MALFORMED')
      expect(detail).toMatch(/JSON/)
    },
  )

  test.each(['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded'])(
    'of type %s is 415',
    async type => {
      await readProblem(await post('models=a', type), 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
    },
  )

  test('with a charset is JSON all the same', async () => {
    await readProblem(await post('{"models":[]}', 'Application/JSON; charset=utf-8'), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('of more than 1 MiB is 413, which is read even if the client sends on', async () => {
    for (const size of [1_100_000, 20_000_000])
      await readProblem(await post(`"${'x'.repeat(size)}"`, 'application/json'), 413, 'TUREEN_TOO_LARGE')
  })

  test('that is missing is 400', async () => {
    const { detail } = await readProblem(
      await fetch(`${app.url}/v1/merges`, { method: 'POST' }),
      400,
      'TUREEN_REQUEST_INVALID',
    )
    expect(detail).toMatch(/JSON/)
  })

  test('that would reach into prototypes is 400', async () => {
    const refused = await post('{"__proto__":{"models":[]}}', 'application/json')
    const { errors } = await readProblem(refused, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: '__proto__' }])
  })

  const id = 'a'
  test.each<[string, unknown, string]>([
    ['models missing', {}, 'models'],
    ['models empty', { models: [] }, 'models'],
    ['models no list', { models: 'a,b' }, 'models'],
    ['a model as a string', { models: ['a', { id }] }, 'models.0'],
    ['a model without an id', { models: [{ weight: 1 }] }, 'models.0.id'],
    ['an id of another type', { models: [{ id }, { id: 7 }] }, 'models.1.id'],
    ['a weight as a string', { models: [{ id, weight: '2' }] }, 'models.0.weight'],
    ['a weight of null', { models: [{ id, weight: null }] }, 'models.0.weight'],
    ['a weight beyond numbers', '{"models":[{"id":"a","weight":1e999}]}', 'models.0.weight'],
    ['an unknown method', { models: [{ id }], method: 'magic' }, 'method'],
    ['normalize as a string', { models: [{ id }], normalize: 'no' }, 'normalize'],
    ['nonFloat of another kind', { models: [{ id }], nonFloat: 'mean' }, 'nonFloat'],
    ['labels as a list', { models: [{ id }], labels: ['a:b'] }, 'labels'],
    ['a label that is no string', { models: [{ id }], labels: { a: 1 } }, 'labels.a'],
    ['a name that is too long', { models: [{ id }], name: 'n'.repeat(201) }, 'name'],
    ['a rule without weights', { models: [{ id }], rules: [{ match: '*' }] }, 'rules.0.weights'],
    ['a base of another type', { models: [{ id }], base: 0 }, 'base'],
  ])('%s is 400 and names the field', async (_, body, field) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const { errors, detail } = await readProblem(await post(text, 'application/json'), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors.map(each => each.field)).toContain(field)
    expect(detail).toContain(field)
  })

  test.each<[string, object]>([
    ['in the body', { models: [{ id }], wieghts: [1] }],
    ['in a model', { models: [{ id, wieghts: 1 }] }],
  ])('a field that does not exist, %s, is 400 and named', async (_, body) => {
    const problem = await readProblem(await postJson(`${app.url}/v1/merges`, body), 400, 'TUREEN_REQUEST_INVALID')
    expect(JSON.stringify(problem.errors)).toContain('wieghts')
  })

  test('with several things wrong tells all of them', async () => {
    const body = { models: [{ id: 7 }], normalize: 'no', nonFloat: 'mean' }
    const problem: ProblemDocument = await readProblem(
      await postJson(`${app.url}/v1/merges`, body),
      400,
      'TUREEN_REQUEST_INVALID',
    )
    expect(problem.errors.map(({ field }) => field).sort()).toEqual(['models.0.id', 'nonFloat', 'normalize'])
  })
})

test('a path that is not valid is 400', async () => {
  for (const path of ['/v1/models/%zz', '/v1/models/%e0%a4%a', '/%'])
    await readProblem(await fetch(`${app.url}${path}`), 400, 'TUREEN_REQUEST_INVALID')
})
