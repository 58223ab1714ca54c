import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json, readProblem } from '../support/http-client.ts'
import { converse } from '../support/raw-http.ts'
import type { SpawnedServer } from '../support/server.ts'
import { serverGroup, stopServer } from '../support/server-group.ts'

const secrets = {
  reader: 'reader-0123456789abcdef',
  scorer: 'scorer-0123456789abcdef',
  writer: 'writer-0123456789abcdef',
  admin: 'admin-0123456789abcdef==',
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

const servers = serverGroup()
let server: SpawnedServer
beforeAll(async () => {
  server = await servers.start(await servers.data(), {
    TUREEN_TOKENS: `ci:read:${secrets.reader}, gpu:score:${secrets.scorer}, trainer:write:sha256:${sha256(secrets.writer)}\noperator:admin:${secrets.admin}`,
    TUREEN_LOG_LEVEL: 'trace',
  })
})
afterAll(() => servers.remove())

function ask(method: string, path: string, authorization?: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) }
  return fetch(`${server.url}${path}`, { method, headers, ...(method === 'POST' ? { body: '{}' } : {}) })
}

const bearer = (secret: string) => `Bearer ${secret}`

type Scope = string | string[]
type Operation = { security?: Record<string, string[]>[]; 'x-scope'?: Scope; responses: Record<string, unknown> }
type Document = { paths: Record<string, Record<string, Operation>>; components: { securitySchemes: object } }

async function operations(): Promise<{ method: string; path: string; operation: Operation }[]> {
  const { paths } = await json<Document>(await ask('GET', '/openapi.json'))
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}

describe('without a token', () => {
  test.each([
    '/healthz',
    '/readyz',
    '/v2/health/live',
    '/v2/health/ready',
    '/openapi.json',
    '/docs',
    '/docs/api',
    '/problems/TUREEN_NOT_FOUND',
  ])('%s is open', async path => {
    expect((await ask('GET', path)).status).toBe(200)
  })

  test('every other route that is documented answers 401, says how to authenticate, and documents that', async () => {
    for (const { method, path, operation } of await operations()) {
      const response = await ask(method, path.replaceAll(/\{\w+\}/g, 'none'))
      const isOpen = operation.security?.length === 0
      expect({ method, path, is401: response.status === 401 }).toEqual({ method, path, is401: !isOpen })
      expect({ method, path, documented: '401' in operation.responses }).toEqual({ method, path, documented: !isOpen })
      if (isOpen || method === 'HEAD') {
        await response.arrayBuffer()
        continue
      }
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="tureen"')
      await readProblem(response, 401, 'TUREEN_UNAUTHENTICATED')
    }
  })

  test.each(['Basic dTpw', 'Bearer', 'Bearer two words', secrets.writer, 'Bearer ' + secrets.writer.slice(1)])(
    'or with %s instead of one: 401',
    async authorization => {
      const { errors } = await readProblem(await ask('GET', '/v1/models', authorization), 401, 'TUREEN_UNAUTHENTICATED')
      expect(errors.map(({ field }) => field)).toEqual(['authorization'])
    },
  )

  test('a digest is not accepted in place of the token that it is of', async () => {
    for (const sent of [sha256(secrets.writer), `sha256:${sha256(secrets.writer)}`])
      await readProblem(await ask('GET', '/v1/models', bearer(sent)), 401, 'TUREEN_UNAUTHENTICATED')
  })

  test('what is nowhere is 404 and a wrong method 405, as ever', async () => {
    await readProblem(await ask('GET', '/nowhere'), 404, 'TUREEN_NOT_FOUND')
    await readProblem(await ask('PATCH', '/v1/models'), 405, 'TUREEN_METHOD_NOT_ALLOWED')
  })
})

/** Returns the scope that an operation should need. Those of external scorers have one of their own, which `read` does not include. */
function scopeOf(method: string, path: string): Scope {
  const reads = method === 'GET' || method === 'HEAD'
  if (/\/(leases|candidates)\b/.test(path)) return reads ? ['read', 'score'] : 'score'
  return reads ? 'read' : 'write'
}

describe('a scope', () => {
  test.each([
    ['read', secrets.reader, ['read']],
    ['score', secrets.scorer, ['score']],
    ['write', secrets.writer, ['read', 'score', 'write']],
    ['admin', secrets.admin, ['read', 'score', 'write', 'admin']],
  ])('%s lets through what needs it or less, and nothing else', async (scope, secret, included) => {
    for (const { method, path, operation } of await operations()) {
      const needed = operation['x-scope']
      if (needed === undefined) continue
      expect({ method, path, needed }).toEqual({ method, path, needed: scopeOf(method, path) })
      const response = await ask(method, path.replaceAll(/\{\w+\}/g, 'none'), bearer(secret))
      const [least = ''] = [needed].flat()
      if ([needed].flat().some(each => included.includes(each))) {
        await response.arrayBuffer()
        expect({ method, path, status: response.status }).not.toMatchObject({ status: expect.toBeOneOf([401, 403]) })
      } else {
        expect(response.headers.get('www-authenticate')).toContain(`scope="${least}"`)
        if (method === 'HEAD') {
          expect(response.status).toBe(403)
          continue
        }
        const { detail } = await readProblem(response, 403, 'TUREEN_FORBIDDEN')
        expect(detail).toContain(least)
        expect(detail).toContain(scope)
      }
    }
  })

  test('is asked for whatever the case of the scheme', async () => {
    for (const authorization of [`bearer ${secrets.reader}`, `BEARER  ${secrets.reader} `])
      expect((await ask('GET', '/v1/models', authorization)).status).toBe(200)
  })
})

describe('an upload is refused before its body', () => {
  test.each([
    ['without a token', '', 401],
    ['with a token of another scope', `authorization: ${bearer(secrets.reader)}\r\n`, 403],
  ])('%s', async (_, header, expected) => {
    const head = `POST /v1/models HTTP/1.1\r\nhost: localhost\r\n${header}content-length: 3000000\r\n`
    for (const expectation of ['', 'expect: 100-continue\r\n']) {
      const { status, text } = await converse(server.url, `${head}${expectation}\r\n`)
      expect({ status, text }).toMatchObject({ status: expected })
      expect(text).not.toContain('100 Continue')
    }
  })

  test('and asked for once all else is in order', async () => {
    const head = `POST /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: ${bearer(secrets.writer)}\r\ncontent-length: 4\r\n`
    const { text } = await converse(server.url, `${head}expect: 100-continue\r\n\r\nonnx`)
    expect(text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 400 .*(TUREEN_MODEL_MALFORMED|TUREEN_NOT_ONNX)/s)
  })

  test('JSON is asked for likewise, and only of those who may', async () => {
    const head =
      'POST /v1/merges HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n'
    const refused = await converse(server.url, `${head}content-length: 2\r\n\r\n`)
    expect(refused.text).toMatch(/^HTTP\/1.1 401 /)
    const allowed = `${head}authorization: ${bearer(secrets.writer)}\r\n`
    expect((await converse(server.url, `${allowed}content-length: 2\r\n\r\n{}`)).text).toMatch(
      /^HTTP\/1.1 100 .*HTTP\/1.1 400 /s,
    )
    expect((await converse(server.url, `${allowed}content-length: 2000000\r\n\r\n`)).text).toMatch(/^HTTP\/1.1 413 /)
  })
})

// Last, over everything that the tests above have sent.
test('the log names tokens and has none', async () => {
  expect((await stopServer(server)).code).toBe(0)
  const text = server.logs.join('\n')
  for (const name of ['ci', 'gpu', 'trainer', 'operator']) expect(text).toContain(`"token":"${name}"`)
  for (const secret of Object.values(secrets)) {
    expect(text).not.toContain(secret.slice(1))
    expect(text).not.toContain(sha256(secret))
  }
})
