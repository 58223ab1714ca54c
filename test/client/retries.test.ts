import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { retryAfterOf } from '../../client/retries.ts'
import { listenOn } from '../support/listening.ts'
import { freePort } from '../support/nginx.ts'
import { until } from '../support/store-client.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const retry = { minSeconds: 0.001, maxSeconds: 0.002 }

/** Starts a server that gives these answers one after the other, and then the record of a model. */
async function serverOf(...answers: RequestListener[]) {
  const requests: Pick<IncomingMessage, 'method' | 'headers'>[] = []
  const times: number[] = []
  const server = createServer((request, answer) => {
    requests.push(request)
    times.push(performance.now())
    request.resume()
    const last: RequestListener = (_, { req: { method } }) =>
      answer.writeHead(method === 'DELETE' ? 204 : 200, { 'content-type': 'application/json' }).end('{"id":"a"}')
    request.once('end', () => (answers.shift() ?? last)(request, answer))
  })
  const url = `http://127.0.0.1:${await listenOn(server)}`
  closing.push(() => server.close().closeAllConnections())
  return { client: createClient({ url, retry }), url, requests, times }
}

const problem =
  (status: number, code: string, headers: Record<string, string> = {}): RequestListener =>
  (_, answer) =>
    answer
      .writeHead(status, { 'content-type': 'application/problem+json', ...headers })
      .end(JSON.stringify({ type: `/problems/${code}`, title: 'No', status, detail: 'Not now.', code, errors: [] }))
const page =
  (status: number): RequestListener =>
  (_, answer) =>
    answer.writeHead(status, { 'content-type': 'text/html' }).end('<html>  <h1>Bad gateway</h1></html>')
const broken: RequestListener = ({ socket }) => void socket.destroy()

const body = { models: [{ id: 'a' }] }

describe('a request is repeated', () => {
  test.each([
    ['429 and Retry-After', problem(429, 'TUREEN_RATE_LIMITED', { 'retry-after': '1' }), 1],
    ['503 and Retry-After', problem(503, 'TUREEN_SHUTTING_DOWN', { 'retry-after': '1' }), 1],
    [
      '409 while the first request with its key runs',
      problem(409, 'TUREEN_IDEMPOTENCY_KEY_BUSY', { 'retry-after': '1' }),
      1,
    ],
    ['503', problem(503, 'TUREEN_OUT_OF_MEMORY'), 0],
    ['the page of a proxy', page(502), 0],
    ['a broken connection', broken, 0],
  ])('after %s, with the same key', async (_, answer, seconds) => {
    const { client, requests, times } = await serverOf(answer)
    expect(await client.createMerge(body)).toEqual({ id: 'a' })
    const keys = requests.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toEqual([expect.stringMatching(/^[\da-f-]{36}$/), keys[0]])
    const [first = 0, second = 0] = times
    expect(second - first).toBeGreaterThanOrEqual(seconds * 1000 - 5)
  })

  test('with the token of that moment', async () => {
    const { url, requests } = await serverOf(broken, broken)
    const tokens = ['old', 'older', 'new']
    const client = createClient({ url, retry, token: async () => tokens.shift() ?? '' })
    await client.getModel('a')
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer older', 'Bearer new'])
  })

  test('with its headers, those of the call before those of the client', async () => {
    const { url, requests } = await serverOf(broken)
    const client = createClient({ url, retry, headers: { 'X-Team': 'vision', 'x-run': '1' } })
    await client.getModel('a', { headers: { 'x-Run': '2' } })
    for (const { headers } of requests) expect(headers).toMatchObject({ 'x-team': 'vision', 'x-run': '2' })
  })

  test('five times in all, and then the last error is the answer', async () => {
    const { client, requests } = await serverOf(...Array.from({ length: 9 }, () => page(504)))
    await expect(client.getModel('a')).rejects.toMatchObject({
      name: 'TureenConnectionError',
      status: 504,
      message: expect.stringContaining('<h1>Bad gateway</h1>'),
    })
    expect(requests).toHaveLength(5)
  })

  test('when a deletion got no answer, and is then done already', async () => {
    const { client } = await serverOf(broken, problem(404, 'TUREEN_NOT_FOUND'))
    await client.deleteModel('a')
  })
})

describe('a request is not repeated', () => {
  test.each([
    ['400', problem(400, 'TUREEN_REQUEST_INVALID')],
    ['404', problem(404, 'TUREEN_NOT_FOUND')],
    ['409', problem(409, 'TUREEN_CONFLICT')],
    ['500', problem(500, 'TUREEN_INTERNAL')],
    ['507', problem(507, 'TUREEN_STORE_FULL')],
  ])('after %s', async (status, answer) => {
    const { client, requests } = await serverOf(answer)
    await expect(client.deleteModel('a')).rejects.toMatchObject({ name: 'TureenProblem', status: Number(status) })
    expect(requests).toHaveLength(1)
  })

  test('if it may have had its effect: a cancel whose answer was lost', async () => {
    const { client, requests } = await serverOf(broken)
    await expect(client.cancelJob('a')).rejects.toMatchObject({ name: 'TureenConnectionError' })
    expect(requests).toHaveLength(1)
    const busy = await serverOf(problem(503, 'TUREEN_SHUTTING_DOWN'))
    await busy.client.cancelJob('a')
    expect(busy.requests).toHaveLength(2)
  })

  test('if the server asks for more time than the client has, or the caller wants none', async () => {
    const late = problem(503, 'TUREEN_SHUTTING_DOWN', { 'retry-after': '3600' })
    const { client, requests } = await serverOf(late)
    await expect(client.getModel('a')).rejects.toMatchObject({ retryAfter: 3600 })
    expect(requests).toHaveLength(1)
    const { url } = await serverOf(broken)
    await expect(createClient({ url, retry: { retries: 0 } }).getModel('a')).rejects.toThrow('got no answer')
  })

  test('once the caller ends the wait between two tries', async () => {
    const { client, requests } = await serverOf(problem(429, 'TUREEN_RATE_LIMITED', { 'retry-after': '30' }))
    const end = new AbortController()
    const asked = client.getModel('a', { signal: end.signal })
    asked.catch(() => undefined)
    await until('the first try has arrived', () => requests.length > 0)
    setTimeout(() => end.abort(new Error('enough')), 50)
    await expect(asked).rejects.toThrow('enough')
    expect(requests).toHaveLength(1)
  })
})

describe('an answer', () => {
  test('of something else than Tureen is an error that names the address', async () => {
    const { client } = await serverOf(page(200))
    await expect(client.getModel('a')).rejects.toThrow('of the type text/html, and should be JSON. Check the base URL')
  })

  test('that does not come is an error', async () => {
    const { url } = await serverOf(() => undefined)
    const client = createClient({ url, retry: { retries: 0 }, silenceSeconds: 0.1 })
    await expect(client.getModel('a')).rejects.toThrow(`GET ${url}/v1/models/a got no answer: no answer within 0.1`)
  })

  test('of no server is an error that says why', async () => {
    const port = await freePort()
    const client = createClient({ url: `http://127.0.0.1:${port}`, retry: { retries: 0 } })
    await expect(client.getUsage()).rejects.toMatchObject({
      name: 'TureenConnectionError',
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })
})

test('Retry-After is seconds or a date', () => {
  const after = (value: string) =>
    retryAfterOf(new Headers({ 'retry-after': value }), Date.parse('2026-01-01T00:00:00Z'))
  expect(after('7')).toBe(7)
  expect(after('Thu, 01 Jan 2026 00:00:30 GMT')).toBe(30)
  expect(after('Wed, 31 Dec 2025 00:00:30 GMT')).toBe(0)
  expect(after('soon')).toBeUndefined()
  expect(retryAfterOf(new Headers())).toBeUndefined()
})
