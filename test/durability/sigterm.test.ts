import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, get as httpGet, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { digestOf, heavyModel, modelBuffer, modelBytes } from '../support/heavy-model.ts'
import { cancelJob, startLongMerge } from '../support/long-merge.ts'
import { type SpawnedServer, startApp } from '../support/server.ts'
import { cutOff, filesIn, hasCutOff, says, serverGroup, stopServer } from '../support/server-group.ts'
import { downloadDigest, job, listAll, merge, until, upload } from '../support/store-client.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

const heavy = heavyModel([6 << 20, 1000], 1)

const uploadHead = 'POST /v1/models HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\n'
const mergeHead = 'POST /v1/merges HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'

// Four servers at a time, and a long merge: a busy machine takes more than a minute for them.
describe.concurrent('SIGTERM', { timeout: 240_000 }, () => {
  test('lets running requests finish, takes no new ones, puts the running job back and exits with 0', async () => {
    const data = await servers.data()
    const first = await servers.start(data, { TUREEN_JOBS: '1' })
    const { id: model } = await upload(first.url, heavy, 'heavy')

    // An upload of which one half has arrived.
    const halfSent = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const slow = heavyModel([2 << 20], 3)
    const uploading = fetch(`${first.url}/v1/models?name=slow`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: ReadableStream.from(inTwoHalves(modelBuffer(slow), halfSent.resolve, goOn.promise)),
      duplex: 'half',
    })
    uploading.catch(() => {})
    await halfSent.promise
    await until('the upload has begun', async () => (await filesIn(data)).incoming.length === 1)

    // A download that the client has only begun to read, over a connection that it wants to keep.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const download = await begin(`${first.url}/v1/models/${model}/content`, agent)
    const idle = await keptAlive(first.url)

    const { job: longest } = await startLongMerge(first.url, { name: 'long' })
    const { id } = longest
    await until('the job runs', async () => (await job(first.url, id)).progress !== null)
    const events = fetch(`${first.url}/v1/jobs/${id}/events`).then(response => response.text())
    const waiting = job(first.url, id, 60)
    const models = [{ id: model, weight: 1 }]
    const posting = merge(first.url, { models, name: 'posted and waited for' }, 60)
    for (const pending of [events, waiting, posting]) pending.catch(() => {})
    await until('the second job is there', async () => (await listAll(first.url, 'jobs')).length === 2)

    first.process.kill('SIGTERM')
    await untilClosing(first)
    expect(await idle.ask('/v1/models')).toSatisfy((answer: string) => answer === '' || isShuttingDown(answer))

    expect(await events).toContain('event: progress')
    expect((await waiting).status).toMatch(/running|queued/)
    expect((await posting).status).toMatch(/running|queued/)
    expect(says(first, cutOff)).toBe(false)
    await untilRefused(first.url)
    await delay(200)
    expect(first.process.exitCode).toBeNull()

    goOn.resolve()
    const uploaded = await uploading
    expect(uploaded.status).toBe(201)
    expect(await uploaded.json()).toMatchObject({ sha256: digestOf(modelBytes(slow)), bytes: slow.bytes })
    expect(await digestOfStream(download)).toBe(digestOf(modelBytes(heavy)))
    const overKept = await begin(`${first.url}/v1/models`, agent).then(
      answer => answer.resume().statusCode,
      () => 'closed',
    )
    expect([503, 'closed']).toContain(overKept)

    expect((await first.exited).code).toBe(0)
    expect(await hasCutOff(first)).toBe(false)
    agent.destroy()
    expect((await filesIn(data)).incoming).toEqual([])

    const second = await startApp({ TUREEN_DATA: data })
    const [kept] = await listAll(second.url, 'models', 'name=slow')
    expect((await downloadDigest(second.url, kept?.id ?? '')).sha256).toBe(digestOf(modelBytes(slow)))
    // That such a job comes to its end is what restart.test.ts is for, with one that does so sooner.
    expect((await job(second.url, id)).status).toMatch(/running|succeeded/)
    await cancelJob(second.url, id)
    for (const { id: each, name } of await listAll(second.url, 'jobs')) {
      if (each === id) continue
      const done = await job(second.url, each, 60)
      expect(done.status, JSON.stringify(done.error)).toBe('succeeded')
      expect(await listAll(second.url, 'models', `name=${name}`)).toHaveLength(1)
    }
    await second.close()
  })

  test('does not wait for a client that keeps its connection after a download', async () => {
    const data = await servers.data()
    const server = await servers.start(data)
    const { id } = await upload(server.url, heavy, 'heavy')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const download = await begin(`${server.url}/v1/models/${id}/content`, agent)
    server.process.kill('SIGTERM')
    await untilClosing(server)
    await untilRefused(server.url)
    expect(server.process.exitCode).toBeNull()
    expect(await digestOfStream(download)).toBe(digestOf(modelBytes(heavy)))
    expect((await server.exited).code).toBe(0)
    expect(await hasCutOff(server)).toBe(false)
    agent.destroy()
  })

  test('ends an idle server at once, also when it is sent again and again', async () => {
    const data = await servers.data()
    const server = await servers.start(data)
    const idle = await keptAlive(server.url)
    server.process.kill('SIGTERM')
    server.process.kill('SIGTERM')
    expect((await stopServer(server)).code).toBe(0)
    expect(await hasCutOff(server)).toBe(false)
    idle.socket.destroy()
  })

  test('ends clients that never go on after TUREEN_SHUTDOWN_SECONDS', async () => {
    const data = await servers.data()
    const server = await servers.start(data, { TUREEN_SHUTDOWN_SECONDS: '1' })
    const { id } = await upload(server.url, heavy, 'heavy')
    const download = await begin(`${server.url}/v1/models/${id}/content`, new Agent())
    const stalled = [
      rawUpload(200_000),
      `${uploadHead}transfer-encoding: chunked\r\n\r\n${begun.length.toString(16)}\r\n${begun}\r\n`,
      formUpload(200_000),
      `${mergeHead}content-length: 1000\r\n\r\n{"models":`,
      'GET /v1/models HTTP/1.1\r\nhost: ',
      '',
    ]
    const sockets = await Promise.all(stalled.map(said => say(server.url, said)))
    await until('three uploads have begun', async () => (await filesIn(data)).incoming.length === 3)
    const { code, took } = await stopServer(server)
    expect(code).toBe(0)
    expect(took).toBeLessThan(30_000)
    await until('it says that it cut them off', () => says(server, cutOff))
    // A busy machine is late with it, but not by the seconds that are the default.
    const waited = timeOf(server, cutOff) - timeOf(server, '"signal":"SIGTERM"')
    expect(waited).toBeGreaterThanOrEqual(990)
    expect(waited).toBeLessThan(8_000)
    for (const stream of [download, ...sockets]) stream.destroy()

    const next = await startApp({ TUREEN_DATA: data })
    expect((await listAll(next.url, 'models')).map(model => model.id)).toEqual([id])
    expect(await filesIn(data)).toEqual({ incoming: [], content: [digestOf(modelBytes(heavy))] })
    await next.close()
  })
})

/** Returns the time of the first log line with a text, in milliseconds since 1970. */
function timeOf({ logs }: SpawnedServer, text: string): number {
  return JSON.parse(logs.find(line => line.includes(text)) ?? '{}').time
}

async function untilClosing(server: SpawnedServer): Promise<void> {
  await until('the server says that it is closing', () => says(server, '"signal":"SIGTERM"'))
}

/** Waits until a server takes no more connections. Those that it still takes until then, it must not serve. */
async function untilRefused(url: string): Promise<void> {
  await until('new connections are refused', async () => {
    const answer = await fetch(`${url}/healthz`, { headers: { connection: 'close' } }).catch(() => undefined)
    if (answer && answer.status !== 503) throw new Error(`${url} still answers ${answer.status}`)
    await answer?.arrayBuffer()
    return answer === undefined
  })
}

/**
 * The beginning of a model, as Latin-1: IR version 8 and the first part of a long name. It is more than the server keeps in memory before it
 * makes a file.
 */
const begun = `\x08\x08\x12\xf0\x93\x09${'x'.repeat(100_000)}`

function rawUpload(declaredBytes: number): string {
  return `${uploadHead}content-length: ${declaredBytes}\r\n\r\n${begun}`
}

function formUpload(declaredBytes: number): string {
  const head = 'POST /v1/models HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=b\r\n'
  return `${head}content-length: ${declaredBytes}\r\n\r\n--b\r\ncontent-disposition: form-data; name="model"; filename="a.onnx"\r\n\r\n${begun}`
}

async function* inTwoHalves(bytes: Buffer<ArrayBuffer>, halfSent: () => void, goOn: Promise<void>) {
  yield new Uint8Array(bytes.subarray(0, bytes.byteLength / 2))
  halfSent()
  await goOn
  yield new Uint8Array(bytes.subarray(bytes.byteLength / 2))
}

/** A response whose body has not been read. */
async function begin(url: string, agent: Agent): Promise<IncomingMessage> {
  const request = httpGet(url, { agent })
  const [response] = await once(request, 'response')
  return response
}

async function digestOfStream(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}

async function say(url: string, said: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(said, 'latin1')
  return socket
}

/** A connection that has had one answer and is idle. `ask` says what comes over it until it is closed. */
async function keptAlive(url: string) {
  const socket = await say(url, 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await once(socket, 'data')
  return {
    socket,
    async ask(path: string): Promise<string> {
      let text = ''
      socket.on('data', chunk => {
        text += String(chunk)
      })
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
      if (!socket.closed) await once(socket, 'close', { signal: AbortSignal.timeout(5000) })
      return text
    },
  }
}

function isShuttingDown(answer: string): boolean {
  return (
    answer.startsWith('HTTP/1.1 503 ') &&
    /\r\ncontent-type: application\/problem\+json/i.test(answer) &&
    answer.includes('"TUREEN_SHUTTING_DOWN"')
  )
}
