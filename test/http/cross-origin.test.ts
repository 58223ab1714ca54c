import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  digits,
  expectNothingKept,
  json,
  modelForm,
  postJson,
  readProblem,
  uploadModel,
} from '../support/http-client.ts'
import { converse } from '../support/raw-http.ts'
import { projectFile, startApp } from '../support/server.ts'

const token = '0123456789abcdef'
const partner = 'https://partner.example'

type App = Awaited<ReturnType<typeof startApp>>
let app: App
let everywhere: App
let model: Buffer<ArrayBuffer>
beforeAll(async () => {
  app = await startApp({
    TUREEN_HOSTS: 'tureen.example, tureen.example:8443',
    TUREEN_CORS_ORIGINS: partner,
    TUREEN_RATE_LIMIT: '0',
  })
  everywhere = await startApp({ TUREEN_CORS_ORIGINS: '*', TUREEN_TOKENS: `a:admin:${token}` })
  model = await projectFile(digits(0)[0] ?? '')
})
afterAll(async () => {
  await app.close()
  await everywhere.close()
})

/** What browsers send with requests of a page that is not the server's. */
const foreign: [string, Record<string, string>][] = [
  ['an origin', { origin: 'https://evil.example' }],
  ['the origin of a sandbox or a file', { origin: 'null' }],
  ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
  ['another scheme than http', { origin: 'chrome-extension://abcdefgh' }],
  ['an origin with a path', { origin: 'http://127.0.0.1/evil' }],
  ['two origins', { origin: `${partner}, https://evil.example` }],
  ['a listed name on another port', { origin: 'https://tureen.example:9999' }],
  ['Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site' }],
  ['Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }],
  ['a Sec-Fetch-Site that nobody knows', { 'sec-fetch-site': 'none, cross-site' }],
  ['an empty Sec-Fetch-Site', { 'sec-fetch-site': '' }],
]

describe('a page of another origin', () => {
  describe.each(foreign)('with %s', (_, headers) => {
    test('uploads nothing in any form that needs no preflight', async () => {
      const form = new URLSearchParams({ a: 'b' })
      const bodies = [modelForm([model]), form, new Blob([model]), new Blob([model], { type: 'text/plain' })]
      for (const path of ['/v1/models', '/v1/datasets', '/v1/soup']) {
        for (const body of bodies)
          await readProblem(
            await fetch(`${app.url}${path}`, { method: 'POST', headers, body }),
            403,
            'TUREEN_CROSS_ORIGIN',
          )
      }
      await expectNothingKept(app)
    })

    test.each([
      ['POST', '/v1/jobs/none/cancel'],
      ['POST', '/v1/merges'],
      ['PUT', '/v1/models'],
      ['DELETE', '/v1/models/none'],
      ['POST', '/nowhere'],
      ['PATCH', '/v1/models'],
      ['POST', '/healthz'],
      ['DELETE', '/v1/models/%ff'],
    ])('is 403 for %s %s', async (method, path) => {
      await readProblem(await fetch(`${app.url}${path}`, { method, headers }), 403, 'TUREEN_CROSS_ORIGIN')
    })
  })

  test('is refused before its body is invited, and before token, size and media type are looked at', async () => {
    const guarded = await startApp({ TUREEN_TOKENS: `a:read:${token}` })
    try {
      for (const { url } of [app, guarded]) {
        for (const length of [10, 9_000_000]) {
          const head = `POST /v1/merges HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\ncontent-type: text/html\r\n`
          const answer = await converse(url, `${head}expect: 100-continue\r\ncontent-length: ${length}\r\n\r\n`)
          expect(answer.text).toMatch(/^HTTP\/1.1 403 .*TUREEN_CROSS_ORIGIN/s)
        }
      }
    } finally {
      await guarded.close()
    }
  })

  test('reads nothing across origins, as browsers hold it to', async () => {
    for (const [, headers] of foreign) {
      const response = await fetch(`${app.url}/v1/models`, { headers })
      expect(response.status).toBe(200)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
      expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin')
    }
  })
})

describe('whoever is no page of another origin changes what it may', () => {
  const host = () => new URL(app.url).host

  test.each([
    ['a client that is no browser', () => ({})],
    ['a page of the server', () => ({ origin: `http://${host()}`, 'sec-fetch-site': 'same-origin' })],
    ['a page of the server over plain http', () => ({ origin: `http://${host()}` })],
    ['a person at the address bar', () => ({ 'sec-fetch-site': 'none' })],
    ['a page behind a proxy that rewrites Host', () => ({ origin: 'https://tureen.example' })],
    ['a page behind a proxy on another port', () => ({ origin: 'https://tureen.example:8443' })],
    ['the same, where browsers say where it is from', () => ({ 'sec-fetch-site': 'same-origin' })],
    ['a page that TUREEN_CORS_ORIGINS names', () => ({ origin: partner, 'sec-fetch-site': 'cross-site' })],
  ])('%s', async (_, headersOf) => {
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', headers: headersOf(), body: model })
    expect([200, 201]).toContain(response.status)
    const { id } = await json<{ id: string }>(response)
    expect(await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE', headers: headersOf() })).toMatchObject({
      status: 204,
    })
  })

  test.each([
    ['tureen.example', 'https://tureen.example', 404],
    ['tureen.example:443', 'https://tureen.example', 404],
    ['tureen.example:80', 'http://tureen.example', 404],
    ['TUREEN.example.:80', 'http://tureen.example', 404],
    ['localhost:3000', 'http://localhost:3000', 404],
    ['[::1]:3000', 'http://[::1]:3000', 404],
    ['localhost:80', 'https://localhost', 403],
    ['localhost', 'http://localhost:3000', 403],
    ['localhost:3000', 'http://127.0.0.1:3000', 403],
    ['localhost', 'https://localhost.evil.example', 403],
  ])('Host %s and Origin %s: %i', async (name, origin, expected) => {
    const said = `DELETE /v1/models/none HTTP/1.1\r\nhost: ${name}\r\norigin: ${origin}\r\n\r\n`
    expect(await converse(app.url, said)).toMatchObject({ status: expected })
  })
})

describe('TUREEN_CORS_ORIGINS', () => {
  test('lets the pages that it names ask first, and then do it', async () => {
    const preflight = await fetch(`${app.url}/v1/merges`, {
      method: 'OPTIONS',
      headers: {
        origin: partner,
        'sec-fetch-site': 'cross-site',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(partner)
  })

  test('may be * with tokens, and then the token is what counts', async () => {
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    const send = (more: Record<string, string>) =>
      fetch(`${everywhere.url}/v1/models`, { method: 'POST', headers: { ...headers, ...more }, body: model })
    await readProblem(await send({}), 401, 'TUREEN_UNAUTHENTICATED')
    expect((await send({ authorization: `Bearer ${token}` })).status).toBe(201)
  })
})

test('a page of another origin neither cancels a job nor deletes a model', async () => {
  const { id } = await uploadModel(app.url, model)
  const job = await json<{ id: string }>(await postJson(`${app.url}/v1/merges?wait=60`, { models: [{ id }] }))
  for (const [, headers] of foreign) {
    for (const { method, path } of [
      { method: 'DELETE', path: `/v1/models/${id}` },
      { method: 'DELETE', path: `/v1/jobs/${job.id}` },
      { method: 'POST', path: `/v1/jobs/${job.id}/cancel` },
    ])
      expect((await fetch(`${app.url}${path}`, { method, headers })).status).toBe(403)
  }
  for (const path of [`/v1/models/${id}`, `/v1/jobs/${job.id}`])
    expect((await fetch(`${app.url}${path}`)).status).toBe(200)
})
