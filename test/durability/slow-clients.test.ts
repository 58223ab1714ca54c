import { readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { heavyModel, modelBytes } from '../support/heavy-model.ts'
import { json } from '../support/http-client.ts'
import type { SpawnedServer } from '../support/server.ts'
import { serverGroup } from '../support/server-group.ts'
import {
  getRequest,
  modelBegins,
  readSlowly,
  residentMegabytes,
  type SlowBody,
  type SlowClient,
  sendSlowly,
  uploadHead,
} from '../support/slow-clients.ts'
import { until } from '../support/store-client.ts'

const allowedMegabytes = 60
const names = ['a', 'b', 'c', 'd']
const secret = (name: string) => `${name}-0123456789abcdef`

const servers = serverGroup()
let server: SpawnedServer
let idle: number
let descriptorsAtFirst: number
let id: string
beforeAll(async () => {
  const data = await servers.data()
  const TUREEN_TOKENS = names.map(name => `${name}:write:${secret(name)}`).join()
  server = await servers.start(data, { TUREEN_TOKENS, TUREEN_LOG_LEVEL: 'info' })
  const response = await fetch(`${server.url}/v1/models`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret('a')}` },
    body: ReadableStream.from(modelBytes(heavyModel([10 << 20, 10], 1))),
    duplex: 'half',
  })
  id = (await json<ModelRecord>(response)).id
  await health()
  await delay(1000)
  descriptorsAtFirst = descriptors()
})
// Code that is compiled and caches that are filled by one kind of clients count for none of the others.
beforeEach(() => {
  idle = residentMegabytes(server.process.pid)
})
// Slots are free again when connections and files are closed.
afterEach(() => until('all is let go', () => descriptors() <= descriptorsAtFirst + 2))
afterAll(() => servers.remove())

/** Descriptors that the server has open. */
const descriptors = () => readdirSync(`/proc/${server.process.pid}/fd`).length

async function health(): Promise<number> {
  const started = performance.now()
  for (const path of ['/healthz', '/readyz']) {
    const response = await fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(30_000) })
    expect(await json(response)).toEqual({ status: 'ok' })
  }
  return performance.now() - started
}

/** The most memory above idle, in megabytes, and the median time of both probes, in milliseconds, over so many seconds. */
async function watchFor(seconds: number): Promise<{ megabytes: number; milliseconds: number }> {
  let megabytes = 0
  const times: number[] = []
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await delay(20)) {
    times.push(await health())
    megabytes = Math.max(megabytes, residentMegabytes(server.process.pid) - idle)
  }
  return { megabytes, milliseconds: Math.round(times.sort((a, b) => a - b)[times.length >> 1] ?? 0) }
}

const part = (name: string, filename = '') =>
  `--b\r\ncontent-disposition: form-data; name="${name}"${filename && `; filename="${filename}"`}\r\n\r\n`
const form = (token: string) => `${uploadHead('/v1/soup', 4e9, token)}\r\ncontent-type: multipart/form-data; boundary=b`

const kinds: Record<string, (token: string) => SlowBody> = {
  'raw bodies in small pieces': token => ({
    head: uploadHead('/v1/models', 4e9, token),
    first: modelBegins,
    piece: Buffer.alloc(200),
    milliseconds: 20,
  }),
  'raw bodies in large pieces': token => ({
    head: uploadHead('/v1/models', 4e9, token),
    first: modelBegins,
    piece: Buffer.alloc(64 << 10),
    milliseconds: 200,
  }),
  'bodies in chunks of sixteen bytes': token => ({
    head: uploadHead('/v1/models', 4e9, token).replace(/content-length: \d+/, 'transfer-encoding: chunked'),
    first: Buffer.concat([Buffer.from('8\r\n'), modelBegins, Buffer.from('\r\n')]),
    piece: '10\r\n0123456789abcdef\r\n'.repeat(500),
    milliseconds: 50,
  }),
  'model parts of forms': token => ({
    head: form(token),
    first: Buffer.concat([Buffer.from(part('model', 'm.onnx')), modelBegins]),
    piece: Buffer.alloc(64 << 10),
    milliseconds: 200,
  }),
  'recipes and texts of a megabyte': token => ({
    head: form(token),
    first: `${part('recipe')}${'y'.repeat((1 << 20) - 10)}\r\n${part('model', 'm.onnx')}`,
    milliseconds: 20,
  }),
}

describe.skipIf(process.platform !== 'linux')('clients that hold on', () => {
  for (const [name, kind] of Object.entries(kinds))
    test(`64 uploads by four tokens stay within ${allowedMegabytes} MB above idle: ${name}`, async ({ annotate }) => {
      const clients: SlowClient[] = []
      for (let count = 0; count < 64; count += 1)
        clients.push(await sendSlowly(server.url, kind(secret(names[count % names.length] ?? ''))))
      const { megabytes, milliseconds } = await watchFor(3)
      const answers = clients.filter(({ socket }) => socket.destroyed).map(({ answer }) => answer)
      expect((await Promise.all(answers)).map(({ text }) => text)).toEqual([])
      for (const client of clients) client.stop()
      await annotate(`${megabytes} MB above ${idle}, both probes in ${milliseconds} ms`)
      expect(megabytes).toBeLessThan(allowedMegabytes)
    }, 60_000)

  test(`200 stalled downloads stay within ${allowedMegabytes} MB above idle`, async ({ annotate }) => {
    const request = getRequest(`/v1/models/${id}/content`, secret('a'))
    const readers = []
    for (let count = 0; count < 200; count += 1) readers.push(await readSlowly(server.url, request))
    const { megabytes, milliseconds } = await watchFor(3)
    await annotate(`${megabytes} MB above ${idle}, both probes in ${milliseconds} ms`)
    expect(megabytes).toBeLessThan(allowedMegabytes)
    for (const reader of readers) reader.stop()
  }, 60_000)
})
