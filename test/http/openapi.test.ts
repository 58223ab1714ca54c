import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pathsWithInlineParts } from '../../docs/generator/inline-parts.ts'
import { json } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'

type Media = Record<string, { schema?: object }>
type Operation = {
  operationId?: string
  summary?: string
  description?: string
  parameters?: { name: string; in: string; required?: boolean }[]
  requestBody?: { content: Media }
  responses: Record<string, { description: string; content?: Media }>
}
type Document = {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
}

let app: Awaited<ReturnType<typeof startApp>>
let whole: string
let document: Document
let operations: [string, Operation][]

beforeAll(async () => {
  app = await startApp()
  const response = await fetch(`${app.url}/openapi.json`)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  whole = await response.text()
  document = { ...JSON.parse(whole), paths: pathsWithInlineParts(JSON.parse(whole)) }
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  )
})
afterAll(() => app.close())

function operation(name: string): Operation {
  const [, found] = operations.find(([each]) => each === name) ?? []
  if (!found) throw new Error(`${name} is not documented`)
  return found
}

describe('/openapi.json', () => {
  test('is OpenAPI 3.1', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/)
    expect(document.info.title).toMatch(/Tureen/)
    expect(document.info.version).toMatch(/^\d+\.\d+\.\d+/)
  })

  test('has every route that is built', () => {
    expect(operations.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        'POST /v1/soup',
        'POST /v1/models',
        'GET /v1/models',
        'GET /v1/models/{id}',
        'DELETE /v1/models/{id}',
        'GET /v1/models/{id}/tensors',
        'GET /v1/models/{id}/content',
        'GET /v1/models/{id}/recipe',
        'POST /v1/merges',
        'GET /v1/jobs',
        'GET /v1/jobs/{id}',
        'POST /v1/jobs/{id}/cancel',
        'GET /v1/jobs/{id}/events',
        'DELETE /v1/jobs/{id}',
        'GET /v1/usage',
        'GET /metrics',
        'GET /healthz',
        'GET /readyz',
        'GET /v2/health/live',
        'GET /v2/health/ready',
      ]),
    )
  })

  test('has the refusals that stand before routes, for each operation that meets them', () => {
    const answersUnderAnyHost = ['/healthz', '/readyz', '/v2/health/live', '/v2/health/ready', '/metrics']
    for (const [name, { responses }] of operations) {
      const [method = '', path = ''] = name.split(' ')
      const codes = Object.entries(responses).flatMap(([status, { description }]) =>
        [...description.matchAll(/TUREEN_\w+/g)].map(([code]) => `${status} ${code}`),
      )
      expect({ name, codes }).toEqual({ name, codes: expect.arrayContaining(['400 TUREEN_REQUEST_INVALID']) })
      expect({ name, is403: codes.includes('403 TUREEN_CROSS_ORIGIN') }).toEqual({
        name,
        is403: !['GET', 'HEAD'].includes(method),
      })
      expect({ name, is421: codes.includes('421 TUREEN_HOST_UNKNOWN') }).toEqual({
        name,
        is421: !answersUnderAnyHost.includes(path),
      })
      expect(new Set(codes).size).toBe(codes.length)
    }
  })

  test('names each operation by a verb and a noun, and once', () => {
    const ids = operations.map(([, { operationId }]) => operationId)
    for (const id of ids) expect(id).toMatch(/^(cancel|create|delete|get|head|list|make|put|update)[A-Z][A-Za-z]+$/)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('takes at most 6 KB an operation, and holds no component that nothing refers to', () => {
    expect(whole.length / operations.length).toBeLessThan(6 * 1024)
    const { components } = JSON.parse(whole)
    for (const [kind, parts] of Object.entries<object>(components))
      for (const name of Object.keys(parts))
        if (kind !== 'securitySchemes')
          expect({ kind, name, used: whole.includes(`"#/components/${kind}/${name}"`) }).toEqual({
            kind,
            name,
            used: true,
          })
  })

  test('writes defaults in descriptions, where generators do not take them for values that are always there', () => {
    expect(whole).not.toContain('"default":')
    const { limit } = Object.fromEntries(
      (operation('GET /v1/models').parameters ?? []).map(parameter => [parameter.name, parameter]),
    )
    expect(limit).toMatchObject({ required: false, schema: { description: expect.stringContaining('Default: 50.') } })
  })

  test('shows a request in the form in which it is sent, and complete in answers', () => {
    const { schemas } = JSON.parse(whole).components
    expect(schemas.MergeRequest.required).toEqual(['models'])
    expect(schemas.MergeRequest.properties.models.anyOf[0].items.required).toEqual(['id'])
    expect(Object.keys(schemas).filter(name => name.endsWith('Input'))).toEqual([])
  })

  test('describes with noun phrases, which are understood at the first reading', () => {
    const descriptions = [...whole.matchAll(/"(?:description|summary|title)":"((?:[^"\\]|\\.)*)"/g)].map(
      ([, text = '']) => text,
    )
    expect(descriptions.length).toBeGreaterThan(100)
    expect(descriptions.filter(text => /^(Of|That|What|Whether|Those|Which|How)\b/.test(text))).toEqual([])
  })

  test('names the headers that clients read', () => {
    const headersOf = (name: string, status: string) => Object.keys(Object(operation(name).responses[status]).headers)
    expect(headersOf('POST /v1/merges', '202')).toEqual(expect.arrayContaining(['Location', 'Idempotency-Replayed']))
    expect(headersOf('GET /v1/models/{id}', '200')).toContain('ETag')
    expect(headersOf('GET /v1/models/{id}/content', '206')).toEqual(expect.arrayContaining(['ETag', 'Repr-Digest']))
    expect(headersOf('POST /v1/searches', '429')).toContain('Retry-After')
  })

  test('has no route that does not exist', async () => {
    for (const [name] of operations) {
      const [method = '', path = ''] = name.split(' ')
      const response = await fetch(`${app.url}${path.replace(/\{\w+\}/g, 'none')}`, { method })
      await response.arrayBuffer()
      expect({ name, status: response.status }).not.toMatchObject({ status: 405 })
      if (!path.includes('{')) expect({ name, status: response.status }).not.toMatchObject({ status: 404 })
    }
  })

  test('says of every route how it succeeds, and that it fails with problem+json', () => {
    for (const [name, { summary, responses }] of operations) {
      const statuses = Object.keys(responses)
      expect({ name, summary }).toEqual({ name, summary: expect.stringMatching(/\S/) })
      expect({ name, succeeds: statuses.some(status => /^2/.test(status)) }).toEqual({ name, succeeds: true })
      const failures = statuses.filter(status => /^[45]/.test(status))
      expect({ name, failures: failures.length }).not.toEqual({ name, failures: 0 })
      for (const status of failures)
        expect({ name, status, media: Object.keys(responses[status]?.content ?? {}) }).toEqual({
          name,
          status,
          media: ['application/problem+json'],
        })
    }
  })

  test('describes every answer, and gives every body a schema', () => {
    for (const [name, { responses, requestBody }] of operations) {
      for (const [status, { description, content }] of Object.entries(responses)) {
        expect({ name, status, description }).toEqual({ name, status, description: expect.stringMatching(/\S/) })
        const empty = /204|304|307/.test(status) || name.startsWith('HEAD')
        if (!empty) expect({ name, status, media: Object.keys(content ?? {}).length }).not.toMatchObject({ media: 0 })
        for (const media of Object.values(content ?? {})) expect({ name, status, ...media }).toHaveProperty('schema')
      }
      for (const media of Object.values(requestBody?.content ?? {})) expect(media).toHaveProperty('schema')
    }
  })

  test('declares every parameter of a path', () => {
    for (const [name, { parameters = [] }] of operations) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter)
      expect({ name, parameters: parameters.filter(each => each.in === 'path').map(each => each.name) }).toEqual({
        name,
        parameters: inPath,
      })
    }
  })

  test('has no reference that leads nowhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference]) => reference ?? '',
    )
    expect(references.length).toBeGreaterThan(0)
    for (const reference of new Set(references)) {
      const steps = reference.replace('#/', '').split('/')
      const target = steps.reduce<unknown>((value, step) => Object(value)[step.replaceAll('~1', '/')], document)
      expect({ reference, target }).not.toMatchObject({ target: undefined })
    }
  })

  test.each([
    ['POST /v1/models', ['200', '201', '400', '413', '415', '422', '507']],
    ['POST /v1/soup', ['200', '400', '409', '413', '415', '422', '507']],
    ['POST /v1/merges', ['200', '202', '400', '404', '409', '413', '415', '422']],
    ['GET /v1/models/{id}/content', ['200', '206', '304', '404', '416']],
    ['DELETE /v1/models/{id}', ['204', '404', '409', '412']],
    ['DELETE /v1/jobs/{id}', ['204', '404', '409', '412']],
    ['POST /v1/jobs/{id}/cancel', ['202', '404', '409']],
    ['GET /v1/jobs/{id}/events', ['200', '204', '404']],
  ])('knows the answers of %s', (name, statuses) => {
    expect(Object.keys(operation(name).responses)).toEqual(expect.arrayContaining(statuses))
  })

  test('tells how to upload', () => {
    for (const name of ['POST /v1/models', 'POST /v1/soup'])
      expect(Object.keys(operation(name).requestBody?.content ?? {})).toContain('multipart/form-data')
    expect(Object.keys(operation('POST /v1/models').requestBody?.content ?? {})).toContain('application/octet-stream')
    expect(Object.keys(operation('POST /v1/merges').requestBody?.content ?? {})).toEqual([
      'application/json',
      'application/yaml',
      'application/x-yaml',
      'text/yaml',
      'text/x-yaml',
    ])
    const names = operation('POST /v1/models').parameters?.map(each => each.name) ?? []
    expect(names.sort()).toEqual(['idempotency-key', 'label', 'name', 'root', 'ttl'])
  })
})

describe('what tells of the program', () => {
  const pages = [
    '/openapi.json',
    '/docs/api/json',
    '/docs/api/yaml',
    '/docs',
    '/problems/TUREEN_NOT_FOUND',
    '/docs/api',
    '/docs/api/static/swagger-initializer.js',
  ]

  test.each(pages)('%s has an entity tag, and is 304 for a client that has it', async path => {
    const first = await fetch(`${app.url}${path}`)
    const tag = first.headers.get('etag') ?? ''
    expect(tag).toMatch(/^"[0-9a-f]{64}"$/)
    const known = await fetch(`${app.url}${path}`, { headers: { 'if-none-match': `"other", W/${tag}` } })
    expect([known.status, await known.text(), known.headers.get('etag')]).toEqual([304, '', tag])
    const other = await fetch(`${app.url}${path}`, { headers: { 'if-none-match': '"other"' } })
    expect([other.status, await other.text()]).toEqual([200, await first.text()])
  })

  test('/docs/api shows the document that /openapi.json answers', async () => {
    const whole = await (await fetch(`${app.url}/openapi.json`)).text()
    for (const path of ['/docs/api/json', '/docs/api/yaml'])
      expect(await (await fetch(`${app.url}${path}`)).text()).toBe(whole)
  })

  test('/openapi.json costs about as much processor time as the smallest answer', async () => {
    const headers = { 'if-none-match': (await fetch(`${app.url}/openapi.json`)).headers.get('etag') ?? '' }
    const cost = async (path: string) => {
      const before = process.cpuUsage()
      for (let each = 0; each < 20; each += 1) await (await fetch(`${app.url}${path}`, { headers })).arrayBuffer()
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    await cost('/healthz')
    expect(await cost('/openapi.json')).toBeLessThan(10 * (await cost('/healthz')))
  })
})

test('servers of one process that differ in a scope have documents that differ in it', async () => {
  const open = await startApp({ TUREEN_METRICS: 'open' })
  try {
    const metricsOf = async ({ url }: { url: string }) => {
      const { paths } = await json<{ paths: Record<string, unknown> }>(await fetch(`${url}/openapi.json`))
      return paths['/metrics']
    }
    expect(await metricsOf(open)).toMatchObject({ get: { security: [] } })
    expect(await metricsOf(app)).toMatchObject({ get: { 'x-scope': 'read' } })
  } finally {
    await open.close()
  }
})
