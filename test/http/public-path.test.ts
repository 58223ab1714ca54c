import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord, JobSummary } from '../../schemas/job.ts'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { readConfig } from '../../src/config.ts'
import { json, postJson, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { converse, openSocket } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'
import { allEvents } from '../support/server-sent-events.ts'

const prefix = '/ml/tureen'
let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp({ TUREEN_PUBLIC_PATH: `${prefix}/`, TUREEN_KEEP_ALIVE_SECONDS: '1' })
})
afterAll(() => app.close())

const get = (path: string) => fetch(`${app.url}${path}`, { redirect: 'manual' })
const problemAt = (text: string): ProblemDocument => JSON.parse(text)

describe('TUREEN_PUBLIC_PATH', () => {
  test.each(['', prefix])('a request may have the path "%s" or not: a proxy may remove it', async before => {
    expect((await get(`${before}/healthz`)).status).toBe(200)
    expect((await get(`${before}/v1/models?limit=1`)).status).toBe(200)
    const response = await fetch(`${app.url}${before}/v1/models?name=a${before.length}`, {
      method: 'POST',
      body: linearModel([1], [before.length]),
    })
    expect(response.status).toBe(201)
    const { id } = await json<{ id: string }>(response)
    expect(response.headers.get('location')).toBe(`${prefix}/v1/models/${id}`)
    expect(await json(await get(`${prefix}/v1/models/${id}`))).toMatchObject({ id })
  })

  test.each([`${prefix}2/healthz`, `${prefix}healthz`, `/x${prefix}/healthz`])(
    'is a whole path at the beginning: %s is nothing',
    async path => {
      expect((await get(path)).status).toBe(404)
    },
  )

  test.each(['/', prefix, `${prefix}/`, `${prefix}?x=/healthz`])('%s leads to the page', async path => {
    const response = await get(path)
    expect([response.status, response.headers.get('location')]).toEqual([302, `${prefix}/page/models`])
  })

  test('is in the links of problems, wherever they are', async () => {
    const page = (code: string) => `${prefix}/problems/${code}`
    expect(await json(await get('/v1/models/none'))).toMatchObject({ type: page('TUREEN_NOT_FOUND') })
    expect(await json(await get(`${prefix}/nowhere`))).toMatchObject({ type: page('TUREEN_NOT_FOUND') })
    expect(await json(await get('/%zz'))).toMatchObject({ type: page('TUREEN_REQUEST_INVALID') })
    expect(problemAt((await converse(app.url, 'NONSENSE\r\n\r\n')).body).type).toBe(page('TUREEN_REQUEST_INVALID'))
    const expecting = 'POST /v1/merges HTTP/1.1\r\nhost: localhost\r\nexpect: much\r\n\r\n'
    expect(problemAt((await converse(app.url, expecting)).body).type).toBe(page('TUREEN_EXPECTATION_FAILED'))
    const tiny = `POST /v1/models HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(6000)}`
    expect(problemAt((await converse(app.url, tiny)).body).type).toBe(page('TUREEN_BODY_MALFORMED'))
    expect((await get(page('TUREEN_NOT_FOUND'))).status).toBe(200)
  })

  test('is in the errors of jobs: alone, in lists, in events, and with fail=http', async () => {
    const { id: model } = await uploadModel(app.url, linearModel([Number.NaN], [1]))
    const started = await postJson(`${app.url}/v1/merges?wait=45`, { models: [{ id: model }], onNonFinite: 'fail' })
    const { id, error } = await json<JobRecord>(started)
    const type = `${prefix}/problems/TUREEN_NOT_FINITE`
    expect(started.headers.get('location')).toBe(`${prefix}/v1/jobs/${id}`)
    expect(error?.type).toBe(type)
    expect((await json<JobRecord>(await get(`/v1/jobs/${id}`))).error?.type).toBe(type)
    expect(await json(await get(`/v1/jobs/${id}?fail=http`))).toMatchObject({ type, status: 422 })
    const { items } = await json<{ items: JobSummary[] }>(await get('/v1/jobs?status=failed'))
    expect(items.map(item => item.error?.type)).toEqual([type])
    const done = (await allEvents(await get(`/v1/jobs/${id}/events`))).at(-1)
    expect(JSON.parse(done?.data ?? '')).toMatchObject({ id, error: { type } })
  })

  test('begins every link of the pages, and every linked page answers', async () => {
    const linksAt = async (path: string) => {
      const html = await (await get(path)).text()
      const links = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = '']) => link.split('#')[0] ?? '')
      return [...new Set(links)].filter(link => link.startsWith('/'))
    }
    const pages = ['/docs', '/docs/operations/proxies-and-hosts', '/problems/TUREEN_NOT_FOUND', '/docs/api']
    const links = (await Promise.all(pages.map(linksAt))).flat()
    expect(links.length).toBeGreaterThan(100)
    expect(links.filter(link => !link.startsWith(`${prefix}/`))).toEqual([])
    for (const link of new Set(links)) expect({ link, status: (await get(link)).status }).toMatchObject({ status: 200 })
    expect((await get('/docs/api/static/index.html')).headers.get('location')).toBe(`${prefix}/docs/api/`)
  })

  test('is the server of the API document', async () => {
    const document = await json<{ servers: object[] }>(await get(`${prefix}/openapi.json`))
    expect(document.servers).toEqual([{ url: prefix, description: 'This server' }])
    expect(await json(await get(`${prefix}/docs/api/json`))).toEqual(document)
  })

  test('does not begin with the first segment of any path of the API', async () => {
    const { paths } = await json<{ paths: object }>(await get('/openapi.json'))
    const segments = new Set(Object.keys(paths).map(path => path.split('/')[1] ?? ''))
    expect(segments).toContain('v1')
    for (const segment of [...segments, 'page'])
      expect(() => readConfig({ TUREEN_PUBLIC_PATH: `/${segment}` })).toThrow(`TUREEN_PUBLIC_PATH=/${segment}`)
  })
})

test('TUREEN_KEEP_ALIVE_SECONDS is told to clients, and the server closes a connection that is idle for so long', async () => {
  expect((await get('/healthz')).headers.get('keep-alive')).toBe('timeout=1')
  const socket = await openSocket(app.url)
  socket.resume().write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await once(socket, 'close')
})
