import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createClient, type Transport, xhrTransport } from '../../client/index.ts'
import { unixSocketTransport } from '../../client/unix-socket-transport.ts'
import { bigModel } from '../support/big-model.ts'
import { externalModel } from '../support/external-model.ts'
import { sha256 } from '../support/http-client.ts'
import { startLongMerge } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { XMLHttpRequest } from '../support/xml-http-request.ts'

const retry = { minSeconds: 0.001, maxSeconds: 0.002 }
const file = bigModel(400_000)
let app: Awaited<ReturnType<typeof startApp>>
let socket: Awaited<ReturnType<typeof startSocket>>
beforeAll(async () => {
  app = await startApp()
  socket = await startSocket()
})
afterAll(async () => {
  await socket.close()
  await app.close()
})

/** Starts a Unix socket in front of the server. `breakAll` ends its connections. */
async function startSocket() {
  const directory = await temporaryDirectory()
  const path = join(directory.path, 'tureen.sock')
  const open = new Set<{ destroy(): void }>()
  const { hostname, port } = new URL(app.url)
  const server = createServer(near => {
    const far = connect(Number(port), hostname)
    for (const each of [near, far]) {
      open.add(each)
      each.on('error', () => undefined)
    }
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  await once(server.listen(path), 'listening')
  const breakAll = () => {
    for (const each of open) each.destroy()
    open.clear()
  }
  return {
    path,
    breakAll,
    async close() {
      breakAll()
      server.close()
      await directory.remove()
    },
  }
}

const transports: [string, () => Transport | undefined][] = [
  ['fetch', () => undefined],
  ['a Unix socket', () => unixSocketTransport(socket.path)],
  ['XMLHttpRequest', () => xhrTransport(XMLHttpRequest)],
]

describe.each(transports)('over %s', (name, makeTransport) => {
  const clientOf = () => {
    const transport = makeTransport()
    return createClient({ url: app.url, retry, ...(transport ? { transport } : {}) })
  }

  test('a model goes there and back, with progress', async () => {
    const client = clientOf()
    const sent: number[] = []
    const options = { onProgress: (each: { sent: number }) => sent.push(each.sent) }
    const model = await client.createModel({ file, name }, options)
    expect(model.sha256).toBe(`sha256:${sha256(file)}`)
    expect(sent.length).toBeGreaterThan(1)
    expect(sent.at(-1)).toBe(file.byteLength)
    const download = await client.getModelContent(model.id)
    expect(sha256(await download.read())).toBe(sha256(file))
    expect(await client.headModelContent(model.id)).toMatchObject({ sha256: model.sha256 })
    await client.deleteModel(model.id)
    await expect(client.getModel(model.id)).rejects.toMatchObject({ code: 'TUREEN_NOT_FOUND' })
  })

  test('a stream, a form and a soup go through', async () => {
    const client = clientOf()
    const small = linearModel([name.length], [1])
    expect(await client.createModel({ file: new Blob([small]).stream() })).toMatchObject({ status: 'complete' })
    const { main, data } = externalModel([name.length, 2, 3, 4], [5, 6])
    expect(await client.createModel({ file: main, data })).toMatchObject({ status: 'complete' })
    const soup = await client.makeSoup({ models: [small, small] })
    expect((await soup.read()).byteLength).toBeGreaterThan(100)
  })

  test('a refusal is a problem, and a caller can end an upload', async () => {
    const client = clientOf()
    const refused = client.createModel({ file: new Uint8Array([7]) })
    await expect(refused).rejects.toMatchObject({ name: 'TureenProblem', status: 400 })
    const end = new AbortController()
    const onProgress = () => end.abort(new Error('enough'))
    await expect(client.createModel({ file }, { signal: end.signal, onProgress })).rejects.toThrow('enough')
    await expect(client.createModel({ file }, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
  })

  test('a job is awaited and cancelled', async () => {
    const client = clientOf()
    const { job } = await startLongMerge(app.url)
    const ended = client.wait(job.id, { onEvent: () => void client.cancelJob(job.id).catch(() => undefined) })
    await client.cancelJob(job.id)
    expect(await ended).toMatchObject({ status: 'cancelled' })
  })
})

describe('over a Unix socket', () => {
  test('a download goes on after its connection has broken, and an upload is sent again', async () => {
    const client = createClient({ url: 'http://localhost/', retry, transport: unixSocketTransport(socket.path) })
    let breaks = 0
    const breakOnce = () => {
      if (breaks++ === 0) socket.breakAll()
    }
    const { id } = await client.createModel({ file, name: 'broken' }, { onProgress: breakOnce })
    breaks = 0
    const download = await client.getModelContent(id, { onProgress: breakOnce })
    expect(sha256(await download.read())).toBe(sha256(file))
  })

  test('a server that is not there is an error that names its socket', async () => {
    const transport = unixSocketTransport('/nowhere/tureen.sock')
    const client = createClient({ url: 'http://localhost', retry: { retries: 0 }, transport })
    await expect(client.getUsage()).rejects.toMatchObject({
      name: 'TureenConnectionError',
      message: expect.stringContaining('/nowhere/tureen.sock'),
    })
  })
})

describe('in a browser', () => {
  afterEach(() => vi.unstubAllGlobals())

  test('uploads go by XMLHttpRequest, digests need no crypto.subtle, and keys no randomUUID', async () => {
    // On http://ADDRESS these are not there.
    vi.stubGlobal('XMLHttpRequest', XMLHttpRequest)
    vi.stubGlobal('process', undefined)
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) })
    const sent: number[] = []
    const send = vi.spyOn(XMLHttpRequest.prototype, 'send')
    const client = createClient({ url: app.url })
    const model = await client.createModel({ file }, { onProgress: each => sent.push(each.sent) })
    expect(model.sha256).toBe(`sha256:${sha256(file)}`)
    expect(send).toHaveBeenCalledTimes(1)
    const download = await client.getModelContent(model.id)
    expect((await download.read()).byteLength).toBe(file.byteLength)
    send.mockRestore()
  })
})
