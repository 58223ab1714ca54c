import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fileBlob } from '../../client/files.ts'
import { createClient, fetchTransport, type TransportRequest, xhrTransport } from '../../client/index.ts'
import { externalModel } from '../support/external-model.ts'
import { sha256 } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { XMLHttpRequest } from '../support/xml-http-request.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof createClient>
const sent: TransportRequest[] = []
beforeAll(async () => {
  app = await startApp()
  const send = fetchTransport()
  const transport = (request: TransportRequest) => {
    sent.push(request)
    return send(request)
  }
  client = createClient({ url: app.url, transport, retry: { minSeconds: 0.01 } })
})
afterAll(() => app.close())

/** Returns a model of about this many bytes, which differs from all others. */
function modelOf(bytes: number): Uint8Array<ArrayBuffer> {
  return linearModel([1, 2, 3, 4], [1, 2], model => {
    model.docString = randomBytes(Math.max(bytes / 2, 8)).toString('hex')
  })
}

const streamOf = (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes]).stream()

describe('an upload', () => {
  test.each([100, 70_000, 5_000_000])('of %i bytes arrives whole, with progress and its digest', async bytes => {
    const file = modelOf(bytes)
    const progress: { sent: number; total: number | null }[] = []
    const model = await client.createModel(
      { file, name: `of ${bytes}`, labels: { size: 'a:b', kind: 'test' }, ttl: 600 },
      { onProgress: each => progress.push(each) },
    )
    expect(model).toMatchObject({ name: `of ${bytes}`, labels: { size: 'a:b', kind: 'test' } })
    expect(model.sha256).toBe(`sha256:${sha256(file)}`)
    expect(model.expiresAt).not.toBeNull()
    expect(progress.at(-1)).toEqual({ sent: file.byteLength, total: file.byteLength })
    expect(progress.map(({ sent }) => sent)).toEqual(progress.map(({ sent }) => sent).sort((a, b) => a - b))
    const digest = Buffer.from(sha256(file), 'hex').toString('base64')
    expect(sent.at(-1)?.headers).toMatchObject({ 'content-digest': `sha-256=:${digest}:` })
  })

  test('may be a Blob, a file of Node, or a stream', async () => {
    const directory = await temporaryDirectory()
    const file = modelOf(200_000)
    const path = join(directory.path, 'model.onnx')
    await writeFile(path, file)
    for (const source of [new Blob([file]), await fileBlob(path), streamOf(file)]) {
      const { sha256: found } = await client.createModel({ file: source })
      expect(found).toBe(`sha256:${sha256(file)}`)
    }
    await directory.remove()
  })

  test('of one byte is refused as the server says, with every part of the problem', async () => {
    const refused = client.createModel({ file: new Uint8Array([7]) })
    await expect(refused).rejects.toMatchObject({ name: 'TureenProblem', status: 400, code: 'TUREEN_MODEL_MALFORMED' })
    await expect(refused).rejects.toMatchObject({ requestId: expect.any(String), errors: [expect.anything()] })
  })

  test('whose bytes do not have the named digest is refused', async () => {
    const digest = `sha256:${'0'.repeat(64)}`
    const refused = client.createModel({ file: modelOf(100) }, { digest })
    await expect(refused).rejects.toMatchObject({ status: 400, code: 'TUREEN_DIGEST_MISMATCH' })
  })

  test('declares no digest if the caller says so', async () => {
    await client.createModel({ file: modelOf(100) }, { digest: false })
    expect(sent.at(-1)?.headers).not.toHaveProperty('content-digest')
  })

  test('by PUT is the same record as by POST', async () => {
    const file = modelOf(100)
    const { id } = await client.createModel({ file, name: 'put' })
    expect(await client.putModel({ file, name: 'put' })).toMatchObject({ id })
  })

  test('has external data in one form, whatever the names', async () => {
    const location = 'weights/with "quotes", 100% é.bin'
    const { main, data } = externalModel([1, 2, 3, 4], [5, 6], {
      W: { location, offset: 0, length: 16 },
      b: { location: 'b.bin' },
    })
    const model = await client.createModel({ file: main, data })
    expect(model).toMatchObject({ status: 'complete', missing: [] })
    for (const [name, bytes] of Object.entries(data)) {
      const download = await client.getModelData(model.id, name)
      expect(Buffer.from(await download.read())).toEqual(Buffer.from(bytes))
      expect(await client.headModelData(model.id, name)).toMatchObject({ bytes: bytes.byteLength })
    }
  })

  test('has external data one file after the other', async () => {
    const { main, data } = externalModel([4, 3, 2, 1], [6, 5])
    let model = await client.createModel({ file: main })
    expect(model).toMatchObject({ status: 'incomplete' })
    for (const [location, bytes] of Object.entries(data))
      model = await client.putModelData(model.id, location, bytes, { ifNoneMatch: '*' })
    expect(model).toMatchObject({ status: 'complete', missing: [] })
    const [location = '', bytes = new Uint8Array()] = Object.entries(data)[0] ?? []
    const again = client.putModelData(model.id, location, bytes, { ifNoneMatch: '*' })
    await expect(again).rejects.toMatchObject({ status: 412 })
  })

  test('of a data set is one file, or several', async () => {
    const x = { descr: '<f4', shape: [2, 1], data: new Float32Array([1, 2]) }
    expect(await client.createDataset({ file: npz({ x }), name: 'one' })).toMatchObject({ name: 'one', samples: 2 })
    const shards = { 'a.npz': npz({ x }), 'b.npz': npz({ x }) }
    const dataset = await client.createDataset({ files: shards })
    expect(dataset).toMatchObject({ samples: 4 })
    expect(await client.getDataset(dataset.id)).toEqual(dataset)
    await client.deleteDataset(dataset.id)
    await expect(client.getDataset(dataset.id)).rejects.toMatchObject({ code: 'TUREEN_NOT_FOUND' })
  })
})

describe('an upload that is sent again', () => {
  test('with the same key gets the first answer', async () => {
    const file = modelOf(100)
    const replayed: (string | null)[] = []
    const onAnswer = ({ headers }: { headers: Headers }) => replayed.push(headers.get('idempotency-replayed'))
    const first = await client.createModel({ file }, { idempotencyKey: 'run-42', onAnswer })
    expect(await client.createModel({ file }, { idempotencyKey: 'run-42', onAnswer })).toEqual(first)
    expect(replayed).toEqual([null, 'true'])
  })

  test('keeps its key when the connection breaks, and a stream is not sent again', async () => {
    const proxy = await startTcpProxy(app.url)
    const keys: (string | undefined)[] = []
    const send = fetchTransport()
    const through = createClient({
      url: `http://127.0.0.1:${proxy.port}`,
      retry: { minSeconds: 0.01 },
      transport: request => {
        keys.push(request.headers['idempotency-key'])
        return send(request)
      },
    })
    const file = modelOf(8_000_000)
    let breaks = 0
    const onProgress = ({ sent }: { sent: number }) => {
      if (sent < 4_000_000 || breaks >= keys.length) return
      breaks += 1
      if (breaks <= 2) void proxy.endAll()
    }
    expect(await through.createModel({ file }, { onProgress })).toMatchObject({ sha256: `sha256:${sha256(file)}` })
    // A connection may meet the end of another one, and be broken as well.
    expect(keys.length).toBeGreaterThanOrEqual(3)
    expect(new Set(keys).size).toBe(1)

    keys.length = 0
    breaks = 0
    const lost = through.createModel({ file: streamOf(modelOf(8_000_000)) }, { onProgress })
    await expect(lost).rejects.toMatchObject({ name: 'TureenConnectionError' })
    expect(keys).toHaveLength(1)
    await proxy.close()
  })

  test('is not, once the caller has ended it', async () => {
    const end = new AbortController()
    const reason = new Error('enough')
    const ended = client.createModel(
      { file: modelOf(5_000_000) },
      { signal: end.signal, onProgress: () => end.abort(reason) },
    )
    await expect(ended).rejects.toBe(reason)
  })
})

describe('an upload that the server does not take', () => {
  test('falls silent: another connection takes it', async () => {
    const proxy = await startTcpProxy(app.url)
    const url = `http://127.0.0.1:${proxy.port}`
    const through = createClient({ url, retry: { minSeconds: 0.01 }, silenceSeconds: 4 })
    const file = modelOf(30_000_000)
    let isSilent = false
    const onProgress = ({ sent }: { sent: number }) => {
      if (sent < 1_000_000 || isSilent) return
      isSilent = true
      proxy.silence()
    }
    expect(await through.createModel({ file }, { onProgress })).toMatchObject({ sha256: `sha256:${sha256(file)}` })
    await proxy.close()
  })

  test.each([
    ['fetch', undefined],
    ['XMLHttpRequest', xhrTransport(XMLHttpRequest)],
  ])('is too large: the refusal is seen over %s, though it comes before the end', async (_, transport) => {
    const small = await startApp({ TUREEN_MAX_UPLOAD_BYTES: '3000000' })
    const refusing = createClient({ url: small.url, ...(transport ? { transport } : {}) })
    for (const file of [modelOf(30_000_000), streamOf(modelOf(30_000_000))]) {
      const refused = refusing.createModel({ file })
      await expect(refused).rejects.toMatchObject({ name: 'TureenProblem', status: 413 })
    }
    await small.close()
  })
})
