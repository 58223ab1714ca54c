import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf, heavyModel, modelBuffer, modelBytes } from '../support/heavy-model.ts'
import { linearModel } from '../support/onnx-model.ts'
import type { SpawnedServer } from '../support/server.ts'
import { filesIn, serverGroup, stopServer } from '../support/server-group.ts'
import { until, upload } from '../support/store-client.ts'

const servers = serverGroup()
let data = ''
let server: SpawnedServer
beforeAll(async () => {
  data = await servers.data()
  server = await servers.start(data)
})
afterAll(() => servers.remove())

type Line = { level: number; msg: string; requestId?: string; [key: string]: unknown }

const lines = (): Line[] => server.logs.map(line => JSON.parse(line))
const linesOf = (requestId: string) => lines().filter(line => line.requestId === requestId)

/** Every secret starts with this, so that one search finds any of them. */
const mark = 'xyzzySECRETxyzzy'
let secrets = 0
function secret(): string {
  secrets += 1
  return `${mark}${secrets}`
}

/** A request that carries a secret wherever one can be. @returns the id that the answer names */
async function ask(
  path: string,
  init: RequestInit & { duplex?: 'half' } = {},
): Promise<{ status: number; id: string }> {
  const headers = new Headers(init.headers)
  headers.set('authorization', `Bearer ${secret()}`)
  headers.set('cookie', `session=${secret()}`)
  headers.set('x-api-key', secret())
  headers.set('referer', `http://127.0.0.1/${secret()}`)
  headers.set('user-agent', secret())
  const response = await fetch(`${server.url}${path}`, { ...init, headers })
  await response.arrayBuffer()
  return { status: response.status, id: response.headers.get('x-request-id') ?? '' }
}

/** Whether a request has exactly this line in the log, a moment after it is over. */
async function expectOneLine(requestId: string, line: object): Promise<void> {
  await until('the line', () => linesOf(requestId).length > 0, 500).catch(() => {})
  await delay(20)
  expect
    .soft(linesOf(requestId), requestId)
    .toEqual([expect.objectContaining({ msg: 'request', level: 30, milliseconds: expect.any(Number), ...line })])
}

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

describe('the log', () => {
  test('has one line a request, with its id, method, path and status, and nothing that the client keeps to itself', async () => {
    const bytes = linearModel([1, 2], [3], model => {
      model.producerName = secret()
      model.docString = secret()
      model.graph.name = secret()
    })
    const form = (field: string, content: string | Uint8Array<ArrayBuffer>) => {
      const body = new FormData()
      body.append(field, new Blob([content]), `${secret()}.onnx`)
      return { method: 'POST', body }
    }
    const uploaded = await fetch(`${server.url}/v1/models?name=${secret()}`, { method: 'POST', body: bytes })
    const { id: model } = JSON.parse(await uploaded.text())
    const weights = [{ id: model, weight: 1 }]
    const q = () => `name=${secret()}&label=${secret()}:${secret()}`
    const requests: [number, string, (RequestInit & { duplex?: 'half' })?][] = [
      [201, `/v1/models?${q()}`, { method: 'POST', body: bytes }],
      [201, `/v1/models?${q()}`, form('model', bytes)],
      [400, `/v1/models?${q()}`, form(secret(), bytes)],
      [400, `/v1/models?${q()}`, { method: 'POST', body: Buffer.from(secret()) }],
      [400, `/v1/models?${secret()}=${secret()}`, { method: 'POST', body: bytes }],
      [
        400,
        `/v1/models?${q()}`,
        { method: 'POST', body: bytes, headers: { 'content-digest': `sha-256=:${btoa(secret())}:` } },
      ],
      [415, `/v1/models?${q()}`, { method: 'POST', body: secret(), headers: { 'content-type': 'text/plain' } }],
      [200, `/v1/models?${q()}`],
      [400, `/v1/models?cursor=${secret()}`],
      [400, `/v1/models/${model}?${secret()}`],
      [200, `/v1/models/${model}`],
      [200, `/v1/models/${model}/tensors`],
      [200, `/v1/models/${model}/content`, { headers: { 'if-none-match': `"${secret()}"` } }],
      [200, '/v1/merges?wait=30', json({ models: weights, name: secret(), labels: { stage: secret() } })],
      [202, '/v1/merges', json({ models: weights, name: secret(), labels: { stage: secret() } })],
      [400, '/v1/merges', json(`{"models": ${secret()}`)],
      [400, '/v1/merges', json({ models: weights, [secret()]: secret() })],
      [404, '/v1/merges', json({ models: [{ id: secret() }] })],
      [422, '/v1/merges', json({ models: [{ id: model, weight: 0 }], name: secret() })],
      [200, '/v1/soup?weights=1', form('model', bytes)],
      [400, '/v1/soup', form('model', `${secret()} is not a model`)],
      [405, `/v1/models?token=${secret()}`, { method: 'PATCH', body: secret() }],
      [200, `/v1/jobs?label=stage:${secret()}`],
      [400, `/v1/models/${model}?${secret()}`, { method: 'DELETE' }],
      [204, `/v1/models/${model}`, { method: 'DELETE' }],
    ]
    await expectOneLine(uploaded.headers.get('x-request-id') ?? '', { status: 201 })
    const before = lines().filter(({ msg }) => msg === 'request').length
    for (const [status, path, init = {}] of requests) {
      const answer = await ask(path, init)
      expect({ path, status: answer.status }).toEqual({ path, status })
      await expectOneLine(answer.id, { method: init.method ?? 'GET', path: path.split('?')[0], status, aborted: false })
    }
    expect(lines().filter(({ msg }) => msg === 'request')).toHaveLength(before + requests.length)
  })

  test.each([
    ['nothing', 404, '/nowhere'],
    ['nothing below a model', 404, '/v1/models/some/where'],
    ['no valid path', 400, '/v1/models/%zz'],
  ])('has a line also where there is %s', async (_, status, path) => {
    const answer = await ask(`${path}?token=${secret()}`)
    expect(answer.status).toBe(status)
    expect(answer.id).toMatch(/./)
    await expectOneLine(answer.id, { method: 'GET', path, status, aborted: false })
  })

  /** The beginning of a model, as Latin-1: IR version 8 and a producer name of 600,000 bytes. The server refuses other bytes at once. */
  const modelBegins = '\x08\x08\x12\xc0\xcf\x24'

  test('has one line, marked as aborted, for an upload whose client is gone', async () => {
    for (const [kind, head, body] of [
      ['raw', 'content-type: application/octet-stream\r\n', ''],
      [
        'form',
        'content-type: multipart/form-data; boundary=b\r\n',
        `--b\r\ncontent-disposition: form-data; name="model"; filename="${secret()}"\r\n\r\n`,
      ],
    ]) {
      for (const sent of [0, 10, 300_000]) {
        const id = `aborted-${kind}-${sent}`
        const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
        await once(socket, 'connect')
        socket.write(
          `POST /v1/models?name=${secret()} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${secret()}\r\nx-request-id: ${id}\r\n` +
            `${head}content-length: 1000000\r\n\r\n${body}${`${modelBegins}${mark.repeat(sent / 10)}`.slice(0, sent)}`,
          'latin1',
        )
        await delay(sent === 0 ? 0 : 50)
        socket.destroy()
        await expectOneLine(id, { method: 'POST', path: '/v1/models', status: null, aborted: true })
      }
    }
    await until('nothing is left', async () => (await filesIn(data)).incoming.length === 0)
  })

  test('has one line for a download and for an event stream whose client is gone', async () => {
    const heavy = heavyModel([6 << 20], 1)
    const { id } = await upload(server.url, heavy, 'heavy')
    const leave = new AbortController()
    const download = await fetch(`${server.url}/v1/models/${id}/content`, { signal: leave.signal })
    const downloadId = download.headers.get('x-request-id') ?? ''
    const started = await fetch(`${server.url}/v1/merges`, json({ models: Array(200).fill({ id }) }))
    const job: { id: string } = JSON.parse(await started.text())
    const events = await fetch(`${server.url}/v1/jobs/${job.id}/events`, { signal: leave.signal })
    const eventsId = events.headers.get('x-request-id') ?? ''
    const waiting = fetch(`${server.url}/v1/jobs/${job.id}?wait=60`, {
      signal: leave.signal,
      headers: { 'x-request-id': 'aborted-wait' },
    }).catch(() => {})
    await delay(100)
    leave.abort()
    await waiting
    await fetch(`${server.url}/v1/jobs/${job.id}/cancel`, { method: 'POST' })
    for (const requestId of [downloadId, eventsId, 'aborted-wait']) {
      await expectOneLine(requestId, { method: 'GET', aborted: true })
    }
  })

  test('says under the id of the request why it failed', async () => {
    const model = heavyModel([50], 5)
    const { id } = await upload(server.url, model, 'lost')
    const hex = digestOf(modelBytes(model)).replace('sha256:', '')
    await rm(join(data, 'content', hex.slice(0, 2), hex))
    const answer = await ask(`/v1/models/${id}/content`)
    expect(answer.status).toBe(500)
    await until('both lines', () => linesOf(answer.id).length === 2)
    expect(linesOf(answer.id).map(({ level, msg }) => ({ level, msg: msg === 'request' }))).toEqual([
      { level: 50, msg: false },
      { level: 30, msg: true },
    ])
    expect(modelBuffer(model).byteLength).toBe(model.bytes)
  })

  test('has a line for what is not HTTP, too, but not what it said', async () => {
    for (const said of [
      `${mark} nonsense\r\n\r\n`,
      `GET / HTTP/1.1\r\nhost: localhost\r\nx-big: ${mark.repeat(2000)}\r\n\r\n`,
      `GET /v1/models HTTP/1.1\r\nhost: ${secret()}\r\n\r\n`,
      `DELETE /v1/models/a HTTP/1.1\r\nhost: localhost\r\norigin: https://${secret()}\r\n\r\n`,
    ]) {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
      await once(socket, 'connect')
      socket.end(said)
      const [answer] = await once(socket, 'data')
      expect(String(answer)).toMatch(/^HTTP\/1.1 4\d\d /)
      socket.destroy()
    }
  })

  // Last, over everything that the tests above have sent.
  test('has no query value, header value or body anywhere, from start to end', async () => {
    expect(secrets).toBeGreaterThan(100)
    expect((await stopServer(server)).code).toBe(0)
    for (const line of server.logs) expect(line).not.toContain(mark)
    expect(lines().every(({ level, msg }) => typeof level === 'number' && typeof msg === 'string')).toBe(true)
  })
})
