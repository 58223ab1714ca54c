import { afterAll, beforeAll, expect, test } from 'vitest'
import { converse } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'

const [reader, writer] = ['reader-0123456789abcdef', 'writer-0123456789abcdef']

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp({ TUREEN_TOKENS: `r:read:${reader},w:write:${writer}`, TUREEN_HOSTS: 'tureen.example' })
})
afterAll(() => app.close())

type Fault = { host?: string; origin?: string; line?: string; token?: string; length?: number; type?: string }

/** A request without a fault but for those given, whose body never comes. */
function send({ host = 'tureen.example', origin = '', line = 'POST /v1/merges', token = '', length = 2, type }: Fault) {
  const headers = [
    `host: ${host}`,
    ...(origin === '' ? [] : [`origin: ${origin}`]),
    ...(token === '' ? [] : [`authorization: Bearer ${token}`]),
    `content-type: ${type ?? 'application/json'}`,
    `content-length: ${length}`,
    'expect: 100-continue',
  ]
  return converse(app.url, `${line} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
}

const tooLong = { length: 2_000_000, type: 'text/html' }
const foreign = { origin: 'https://evil.example', ...tooLong }

test.each<[string, number, string, Fault]>([
  ['a malformed host', 400, 'TUREEN_REQUEST_INVALID', { host: 'a b', ...foreign, line: 'POST /nowhere' }],
  ['a foreign host', 421, 'TUREEN_HOST_UNKNOWN', { host: 'evil.example', ...foreign, line: 'POST /nowhere' }],
  ['a foreign origin', 403, 'TUREEN_CROSS_ORIGIN', { ...foreign, line: 'POST /nowhere' }],
  ['a path that is nowhere', 404, 'TUREEN_NOT_FOUND', { ...tooLong, line: 'POST /nowhere' }],
  ['a method that is not allowed', 405, 'TUREEN_METHOD_NOT_ALLOWED', { ...tooLong, line: 'PATCH /v1/merges' }],
  ['no token', 401, 'TUREEN_UNAUTHENTICATED', tooLong],
  ['a scope that is too small', 403, 'TUREEN_FORBIDDEN', { ...tooLong, token: reader }],
  ['a type that is not taken', 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE', { ...tooLong, token: writer }],
  ['a body that is too large', 413, 'TUREEN_TOO_LARGE', { length: 2_000_000, token: writer }],
])('%s comes before all that follows, and no body is invited: %i', async (_, status, code, faults) => {
  const answer = await send(faults)
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status })
  expect(JSON.parse(answer.body).code).toBe(code)
})
