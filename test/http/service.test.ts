import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bigModel } from '../support/big-model.ts'
import { json, readProblem, uploadModel } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

describe('health', () => {
  const paths = ['/healthz', '/readyz', '/v2/health/live', '/v2/health/ready']
  test.each(paths)('%s answers 200', async path => {
    const response = await fetch(`${app.url}${path}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await json(response)).toEqual({ status: 'ok' })
  })

  test.each(paths)('%s answers HEAD, as many load balancers ask', async path => {
    expect((await fetch(`${app.url}${path}`, { method: 'HEAD' })).status).toBe(200)
  })

  test('/healthz/ is /healthz', async () => {
    expect((await fetch(`${app.url}/healthz/`)).status).toBe(200)
  })
})

describe('the request id', () => {
  test.each(['/healthz', '/v1/models', '/v1/models/none', '/nowhere'])('is echoed by %s', async path => {
    const response = await fetch(`${app.url}${path}`, { headers: { 'x-request-id': 'build-42.a_b' } })
    await response.arrayBuffer()
    expect(response.headers.get('x-request-id')).toBe('build-42.a_b')
  })

  test.each([
    ['GET', '/v1/models/none'],
    ['GET', '/nowhere'],
    ['PUT', '/v1/models'],
    ['GET', '/v1/models?limit=0'],
  ])('stands in the problem of %s %s', async (method, path) => {
    const response = await fetch(`${app.url}${path}`, { method, headers: { 'x-request-id': 'build-43' } })
    expect(await json(response)).toMatchObject({ requestId: 'build-43' })
  })

  test('is made where none is given, another each time', async () => {
    const ids = new Set<string | null>()
    for (let count = 0; count < 5; count += 1) ids.add((await fetch(`${app.url}/healthz`)).headers.get('x-request-id'))
    expect(ids.size).toBe(5)
    for (const id of ids) expect(id).toMatch(/^\S+$/)
  })

  test.each(['with spaces in it', 'x'.repeat(500), '<script>', '"quoted"'])('%s is not taken over', async id => {
    const response = await fetch(`${app.url}/healthz`, { headers: { 'x-request-id': id } })
    expect(response.headers.get('x-request-id')).not.toBe(id)
    expect(response.headers.get('x-request-id')).toMatch(/^[\w.-]+$/)
  })
})

describe('/docs/api', () => {
  test('answers HTML, with its scripts and styles', async () => {
    const response = await fetch(`${app.url}/docs/api`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^text\/html/)
    const html = await response.text()
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '')
    expect(links.length).toBeGreaterThan(0)
    for (const link of links) {
      expect(link).not.toMatch(/^https?:/)
      const base = response.url.endsWith('/') ? response.url : `${response.url}/`
      const target = new URL(link, link.startsWith('.') ? base : response.url)
      expect({ link, status: (await fetch(target)).status }).toEqual({ link, status: 200 })
    }
  })
})

describe('closing', () => {
  test('lets a running download finish, and then takes no longer', async () => {
    const closing = await startApp()
    const model = bigModel(1 << 23)
    const { id } = await uploadModel(closing.url, model)
    const download = await fetch(`${closing.url}/v1/models/${id}/content`)
    const closed = closing.close()
    const content = await download.arrayBuffer()
    expect(Buffer.from(content).equals(model)).toBe(true)
    const before = performance.now()
    await closed
    // Connections that stay open are cut off after 8 s.
    expect(performance.now() - before).toBeLessThan(7_000)
  })
})

test('a problem has the fields of the contract and no others', async () => {
  const response = await fetch(`${app.url}/v1/models/none`)
  const problem = await readProblem(response, 404, 'TUREEN_NOT_FOUND')
  const fields = ['type', 'title', 'status', 'detail', 'code', 'requestId', 'errors']
  expect(Object.keys(problem).sort()).toEqual(fields.sort())
})
