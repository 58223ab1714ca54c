import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectNothingKept } from '../support/http-client.ts'
import { converse, expectProblem, type RawAnswer } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'

const token = '0123456789abcdef'
const TUREEN_TOKENS = `a:admin:${token}`

type App = Awaited<ReturnType<typeof startApp>>
let open: App
let named: App
let guarded: App
let guardedNamed: App
beforeAll(async () => {
  open = await startApp({ TUREEN_CORS_ORIGINS: 'https://page.example', TUREEN_RATE_LIMIT: '1' })
  named = await startApp({ TUREEN_HOSTS: 'Tureen.example, other.example:8443, secure.example:443, [2001:DB8:0:0::1]' })
  guarded = await startApp({ TUREEN_TOKENS })
  guardedNamed = await startApp({ TUREEN_TOKENS, TUREEN_HOSTS: 'tureen.example' })
})
afterAll(async () => {
  for (const app of [open, named, guarded, guardedNamed]) await app.close()
})

const get = (path: string, host: string) => `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`
const authorized = (host: string) =>
  `GET /v1/models HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n\r\n`

function expectHostProblem(answer: RawAnswer, status: number, code: string): void {
  const { requestId, errors } = expectProblem(answer, status, code)
  expect(requestId).toBe(answer.headers['x-request-id'])
  expect(errors).toMatchObject([{ field: 'host' }])
}

const loopback = [
  'localhost',
  'LocalHost:3000',
  'localhost.',
  'localhost:',
  '127.0.0.1',
  '127.0.0.1.:80',
  '127.255.3.4:3000',
  '[::1]',
  '[::1]:3000',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::FFFF:7f00:1]:3000',
]

/** `evil.example` is what DNS rebinding sends; the others look like loopback to whoever reads them carelessly. */
const foreign = [
  'evil.example',
  'evil.example:3000',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  'evil.localhost',
  '0.0.0.0:3000',
  '10.0.0.1',
  '127.1',
  '2130706433',
  '0x7f.0.0.1',
  '[::]',
  '[::ffff:10.0.0.1]',
]

describe('a server without tokens', () => {
  test.each(loopback)('answers as %s', async host => {
    expect(await converse(named.url, get('/v1/models', host))).toMatchObject({ status: 200 })
  })

  test.each(foreign)('does not answer as %s', async host => {
    for (const path of ['/v1/models', '/openapi.json']) {
      const answer = await converse(named.url, get(path, host))
      expectHostProblem(answer, 421, 'TUREEN_HOST_UNKNOWN')
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
    }
  })

  test.each([
    'tureen.example',
    'TUREEN.example.:1234',
    'other.example:8443',
    'secure.example',
    'secure.example:443',
    '[2001:db8::1]:3000',
  ])('answers as %s if TUREEN_HOSTS says so', async host => {
    expect(await converse(named.url, get('/v1/models', host))).toMatchObject({ status: 200 })
  })

  test.each(['other.example', 'other.example:80', 'secure.example:8443', 'x.tureen.example', 'tureen.example.evil'])(
    'does not answer as %s, which TUREEN_HOSTS does not say',
    async host => {
      expectHostProblem(await converse(named.url, get('/v1/models', host)), 421, 'TUREEN_HOST_UNKNOWN')
    },
  )
})

describe('a server with tokens', () => {
  test('answers under every name unless TUREEN_HOSTS lists some', async () => {
    expect(await converse(guarded.url, authorized('evil.example'))).toMatchObject({ status: 200 })
    expectHostProblem(await converse(guardedNamed.url, authorized('evil.example')), 421, 'TUREEN_HOST_UNKNOWN')
    for (const host of ['tureen.example', 'localhost:3000'])
      expect(await converse(guardedNamed.url, authorized(host))).toMatchObject({ status: 200 })
  })
})

describe('the refusal of a foreign name', () => {
  const head = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nhost: evil.example\r\n`

  test.each([
    ['a path that is nowhere', head('GET', '/nowhere')],
    ['a path that is no path', head('GET', '/v1/models/%ff')],
    ['a method that is not allowed', head('PATCH', '/v1/models')],
    ['a preflight', `${head('OPTIONS', '/v1/models')}origin: https://page.example\r\n`],
    ['a page of the same name', `${head('DELETE', '/v1/models/a')}origin: http://evil.example\r\n`],
    ['a body that is not invited', `${head('POST', '/v1/models')}expect: 100-continue\r\ncontent-length: 9000000\r\n`],
    ['a body that is too large', `${head('POST', '/v1/merges')}content-length: 9000000\r\n`],
  ])('comes before %s', async (_, said) => {
    expectHostProblem(await converse(open.url, `${said}\r\n`), 421, 'TUREEN_HOST_UNKNOWN')
  })

  test('counts for no rate and keeps nothing', async () => {
    const upload = `${head('POST', '/v1/models')}content-length: 4\r\n\r\nonnx`
    for (let sent = 0; sent < 3; sent += 1)
      expectHostProblem(await converse(open.url, upload), 421, 'TUREEN_HOST_UNKNOWN')
    // One request a minute is allowed, and this is it.
    await expectNothingKept(open)
  })

  test('comes before the token', async () => {
    expectHostProblem(await converse(guardedNamed.url, get('/v1/models', 'evil.example')), 421, 'TUREEN_HOST_UNKNOWN')
  })
})

test('what a proxy says of the host in other headers does not count, even a trusted one', async () => {
  const trusting = await startApp({ TUREEN_TRUSTED_PROXIES: '127.0.0.1' })
  const headers = 'x-forwarded-host: localhost\r\nforwarded: host=localhost\r\n'
  const answer = await converse(trusting.url, `GET /v1/models HTTP/1.1\r\nhost: evil.example\r\n${headers}\r\n`)
  expectHostProblem(answer, 421, 'TUREEN_HOST_UNKNOWN')
  await trusting.close()
})

describe('probes and scrapers, which send the address of a pod,', () => {
  test.each(['/healthz', '/healthz/', '/readyz', '/v2/health/live', '/v2/health/ready', '/metrics'])(
    'read %s under every name',
    async path => {
      for (const host of ['10.42.0.7:3000', 'evil.example'])
        expect(await converse(named.url, get(path, host))).toMatchObject({ status: 200 })
    },
  )

  test('may send no name at all with HTTP/1.0', async () => {
    expect(await converse(named.url, 'GET /healthz HTTP/1.0\r\n\r\n')).toMatchObject({ status: 200 })
    expectHostProblem(await converse(named.url, 'GET /v1/models HTTP/1.0\r\n\r\n'), 421, 'TUREEN_HOST_UNKNOWN')
    const withToken = `GET /v1/models HTTP/1.0\r\nauthorization: Bearer ${token}\r\n\r\n`
    expect(await converse(guarded.url, withToken)).toMatchObject({ status: 200 })
    expectHostProblem(await converse(guardedNamed.url, withToken), 421, 'TUREEN_HOST_UNKNOWN')
  })
})

describe('what names no host, or two, is refused by every server on every path', () => {
  test.each([
    ['two', 'host: localhost\r\nhost: evil.example\r\n'],
    ['one twice', 'host: localhost\r\nHOST: localhost\r\n'],
    ['two in one header', 'host: localhost, evil.example\r\n'],
    ['none', ''],
    ['an empty one', 'host: \r\n'],
    ['one with a user', 'host: localhost@evil.example\r\n'],
    ['a URL', 'host: http://localhost\r\n'],
    ['a path', 'host: localhost/v1\r\n'],
    ['a space', 'host: local host\r\n'],
    ['a port beyond 65535', 'host: localhost:65536\r\n'],
    ['a port that is no number', 'host: localhost:http\r\n'],
    ['half an address', 'host: [::1\r\n'],
    ['an address that is none', 'host: [127.0.0.1]\r\n'],
    ['an empty label', 'host: localhost..\r\n'],
    ['a name in another script', 'host: löcalhost\r\n'],
    ['a name longer than DNS has', `host: ${'a'.repeat(254)}\r\n`],
  ])('%s', async (_, header) => {
    for (const app of [named, guarded]) {
      for (const path of ['/v1/models', '/healthz', '/nowhere'])
        expectHostProblem(
          await converse(app.url, `GET ${path} HTTP/1.1\r\n${header}\r\n`),
          400,
          'TUREEN_REQUEST_INVALID',
        )
    }
  })

  test('a target with a host of its own, unless the header repeats it', async () => {
    const target = (authority: string, host: string) => converse(named.url, get(`http://${authority}/v1/models`, host))
    expect(await target('localhost:3000', 'localhost:3000')).toMatchObject({ status: 200 })
    expectHostProblem(await target('evil.example', 'evil.example'), 421, 'TUREEN_HOST_UNKNOWN')
    for (const authority of ['evil.example', 'localhost@evil.example', 'localhost:3001', ''])
      expectHostProblem(await target(authority, 'localhost:3000'), 400, 'TUREEN_REQUEST_INVALID')
  })
})
