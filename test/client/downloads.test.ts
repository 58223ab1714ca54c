import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { saveDownload } from '../../client/files.ts'
import { createClient, type Transport } from '../../client/index.ts'
import { digestHeader } from '../../client/sha256.ts'
import { bigModel } from '../support/big-model.ts'
import { sha256 } from '../support/http-client.ts'
import { listenOn } from '../support/listening.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const retry = { minSeconds: 0.001, maxSeconds: 0.002 }
const file = bigModel(2_000_000)
let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof createClient>
let id: string
beforeAll(async () => {
  app = await startApp()
  client = createClient({ url: app.url, retry })
  const model = await client.createModel({ file, name: 'päper/clip' })
  id = model.id
})
afterAll(() => app.close())

describe('a download', () => {
  test('is whole, verified, and tells its facts', async () => {
    const received: number[] = []
    const download = await client.getModelContent(id, { onProgress: each => received.push(each.received) })
    const facts = { bytes: file.byteLength, sha256: `sha256:${sha256(file)}`, filename: 'päper_clip.onnx' }
    expect(download).toMatchObject(facts)
    expect(sha256(await download.read())).toBe(sha256(file))
    expect(received.at(-1)).toBe(file.byteLength)
    expect(await client.headModelContent(id)).toMatchObject({ ...facts, etag: download.etag })
    const named = await client.getModelContentAs(id, 'a b.onnx', { external: 'inline' })
    expect(named).toMatchObject({ ...facts, filename: 'a b.onnx' })
    await named.body.cancel()
    expect(await client.headModelContentAs(id, 'a b.onnx')).toMatchObject({ filename: 'a b.onnx' })
  })

  test('of a range is those bytes', async () => {
    const part = await client.getModelContent(id, { range: { start: 1_000_000, end: 1_999_999 } })
    expect(Buffer.from(await part.read()).equals(Buffer.from(file.subarray(1_000_000, 2_000_000)))).toBe(true)
    const rest = await client.getModelContent(id, { range: { start: file.byteLength - 3 } })
    expect(await rest.read()).toEqual(file.slice(-3))
  })

  test('whose connection breaks again and again goes on where it was', async () => {
    const proxy = await startTcpProxy(app.url)
    const asked: { range?: string; 'if-range'?: string }[] = []
    const through = createClient({
      url: `http://127.0.0.1:${proxy.port}`,
      retry,
      transport: async ({ url, ...request }) => {
        asked.push(request.headers)
        return fetch(url, request)
      },
    })
    const { body, etag } = await through.getModelContent(id)
    const pieces: Uint8Array[] = []
    let received = 0
    let next = 1_000_000
    for await (const piece of body) {
      pieces.push(piece)
      received += piece.byteLength
      if (received < next) continue
      next += 2_000_000
      await proxy.endAll()
    }
    expect(sha256(Buffer.concat(pieces))).toBe(sha256(file))
    expect(asked.length).toBeGreaterThan(2)
    expect(asked[0]).not.toHaveProperty('range')
    for (const headers of asked.slice(1))
      expect(headers).toMatchObject({ range: expect.stringMatching(/^bytes=\d{6,}-$/), 'if-range': etag })
    await proxy.close()
  })

  test('whose connection falls silent goes on with another one', async () => {
    const proxy = await startTcpProxy(app.url)
    const through = createClient({ url: `http://127.0.0.1:${proxy.port}`, retry, silenceSeconds: 0.5 })
    const { body } = await through.getModelContent(id)
    const pieces: Uint8Array[] = []
    for await (const piece of body) {
      if (pieces.length === 0) proxy.silence()
      pieces.push(piece)
    }
    expect(sha256(Buffer.concat(pieces))).toBe(sha256(file))
    await proxy.close()
  })

  test('fails after some tries if the server is gone, and names it', async () => {
    const proxy = await startTcpProxy(app.url)
    const settings = { url: `http://127.0.0.1:${proxy.port}`, retry: { ...retry, retries: 1 } }
    const { body } = await createClient(settings).getModelContent(id)
    await proxy.close()
    const reading = new Response(body).arrayBuffer()
    await expect(reading).rejects.toMatchObject({ name: 'TureenConnectionError', message: /ECONNREFUSED/ })
  })

  test('ends when the caller says so', async () => {
    const end = new AbortController()
    const { body } = await client.getModelContent(id, { signal: end.signal })
    const reader = body.getReader()
    await reader.read()
    end.abort(new Error('enough'))
    await expect(reader.read()).rejects.toThrow('enough')
  })

  test('is a file that appears whole or not at all', async () => {
    const directory = await temporaryDirectory()
    const path = join(directory.path, 'model.onnx')
    await saveDownload(await client.getModelContent(id), path)
    expect(sha256(await readFile(path))).toBe(sha256(file))
    const end = new AbortController()
    const download = await client.getModelContent(id, { signal: end.signal, onProgress: () => end.abort() })
    await expect(saveDownload(download, join(directory.path, 'other.onnx'))).rejects.toThrow()
    expect(await readdir(directory.path)).toEqual(['model.onnx'])
    await directory.remove()
  })
})

/** Returns a client of a server that has `content`, and ends its answers after some bytes each. `declared`: the content that it names. */
function flakyClient(
  content: Uint8Array<ArrayBuffer>,
  cuts: number[],
  { declared = content, changes = false, ranges = true } = {},
) {
  let answers = 0
  const transport: Transport = async ({ headers }) => {
    const start = ranges ? Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0) : 0
    const cut = cuts.shift()
    answers += 1
    if (start > 0 && start >= content.byteLength) return new Response('outside', { status: 416 })
    const rest = content.slice(start)
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        controller.enqueue(rest.slice(0, cut))
        // A connection may also break behind the last byte.
        if (cut === undefined || cut > rest.byteLength) controller.close()
      },
      pull: controller => controller.error(new TypeError('terminated')),
    })
    return new Response(body, {
      status: start > 0 ? 206 : 200,
      headers: {
        etag: changes ? `"${answers}"` : '"same"',
        'content-length': String(rest.byteLength),
        'repr-digest': digestHeader(`sha256:${sha256(declared)}`),
        ...(start > 0 ? { 'content-range': `bytes ${start}-${content.byteLength - 1}/${content.byteLength}` } : {}),
      },
    })
  }
  return createClient({ url: 'http://flaky', transport, retry })
}

describe('a download from a server that breaks off', () => {
  test('at random places is whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 12 }),
        async (bytes, cuts) => {
          const content = new Uint8Array(bytes)
          const download = await flakyClient(content, [...cuts, bytes.length]).getModelContent('a')
          expect(await download.read()).toEqual(content)
        },
      ),
    )
  })

  test('and sends the whole content again leaves out what is there', async () => {
    const content = Uint8Array.from({ length: 300 }, (_, index) => index % 251)
    const download = await flakyClient(content, [100, 200, 250], { ranges: false }).getModelContent('a')
    expect(await download.read()).toEqual(content)
  })

  test('and knows no ranges is an error for whoever wants one', async () => {
    const client = flakyClient(new Uint8Array(300), [], { ranges: false })
    const part = client.getModelContent('a', { range: { start: 100 } })
    await expect(part).rejects.toThrow('The whole file came in place of the range.')
  })

  test('and then has other content is an error', async () => {
    for (const ranges of [true, false]) {
      const client = flakyClient(new Uint8Array(300), [100], { changes: true, ranges })
      const download = await client.getModelContent('a')
      await expect(download.read()).rejects.toThrow('has changed while it was downloaded')
    }
  })
})

test('bytes that do not have the declared digest are an error', async () => {
  const declared = new Uint8Array([1, 2, 3])
  const download = await flakyClient(new Uint8Array([1, 2, 4]), [], { declared }).getModelContent('a')
  await expect(download.read()).rejects.toMatchObject({
    name: 'TureenDigestError',
    expected: `sha256:${sha256(declared)}`,
    actual: `sha256:${sha256(new Uint8Array([1, 2, 4]))}`,
  })
})

test('a file that is at another place is verified with the digest of the server', async () => {
  const content = linearModel([1, 2], [3])
  const place = createServer((_, answer) => void answer.setHeader('etag', '"place"').end(content))
  const elsewhere = `http://127.0.0.1:${await listenOn(place)}/`
  const server = createServer((request, answer) => {
    if (request.method === 'GET') answer.writeHead(307, { location: elsewhere })
    else answer.setHeader('repr-digest', digestHeader(`sha256:${sha256(new Uint8Array([1]))}`))
    answer.end()
  })
  const url = `http://127.0.0.1:${await listenOn(server)}`
  const download = await createClient({ url }).getModelContent('a')
  await expect(download.read()).rejects.toMatchObject({ name: 'TureenDigestError' })
  for (const each of [place, server]) each.close().closeAllConnections()
})
