import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type AttackedServer, startAttacked } from '../support/attacked-server.ts'
import { expectNothingKept, filesIn, modelForm } from '../support/http-client.ts'
import { openSocket } from '../support/raw-http.ts'
import { projectFile } from '../support/server.ts'

let app: AttackedServer
let ft0: Buffer<ArrayBuffer>
let ft1: Buffer<ArrayBuffer>
let form: { body: Uint8Array<ArrayBuffer>; type: string }

beforeAll(async () => {
  app = await startAttacked()
  ft0 = await projectFile('examples/digits/ft0.onnx')
  ft1 = await projectFile('examples/digits/ft1.onnx')
  const request = new Request('http://x', { method: 'POST', body: modelForm([ft0, ft1]) })
  form = { body: new Uint8Array(await request.arrayBuffer()), type: request.headers.get('content-type') ?? '' }
})
afterEach(() => expectNothingKept(app))
afterAll(() => app.stop())

type Farewell = 'FIN' | 'RST'

/** Sends a head and a part of the body, waits until some of it is on the disk, and hangs up. */
function hangUp(head: string, body: Uint8Array, farewell: Farewell): Promise<void> {
  return app.attack(() => sendPart(head, body, farewell))
}

async function sendPart(head: string, body: Uint8Array, farewell: Farewell): Promise<void> {
  const socket = await openSocket(app.url)
  socket.write(`${head}\r\nhost: localhost\r\n\r\n`)
  socket.write(body)
  for (let tries = 0; tries < 100 && (await filesIn(app.data, 'incoming')).length === 0; tries += 1) await delay(10)
  expect(await filesIn(app.data, 'incoming')).not.toEqual([])
  socket.resume()
  if (farewell === 'FIN') socket.end()
  else socket.resetAndDestroy()
  await new Promise(resolve => socket.once('close', resolve))
}

describe.each(['FIN', 'RST'] as const)('a client that hangs up half-way by %s leaves nothing', farewell => {
  test('raw, of a known length', async () => {
    const head = `POST /v1/models HTTP/1.1\r\ncontent-length: ${ft0.length}`
    await hangUp(head, ft0.subarray(0, 80_000), farewell)
  })

  test('raw, in chunks', async () => {
    const head = 'POST /v1/models HTTP/1.1\r\ntransfer-encoding: chunked'
    await hangUp(head, Buffer.concat([Buffer.from('20000\r\n'), ft0.subarray(0, 80_000)]), farewell)
  })

  test('raw, with every byte of the model but not the end of the chunks', async () => {
    const head = 'POST /v1/models HTTP/1.1\r\ntransfer-encoding: chunked'
    const size = `${ft0.length.toString(16)}\r\n`
    await hangUp(head, Buffer.concat([Buffer.from(size), ft0, Buffer.from('\r\n')]), farewell)
  })

  test('multipart, in its first model', async () => {
    const head = `POST /v1/models HTTP/1.1\r\ncontent-type: ${form.type}\r\ncontent-length: ${form.body.length}`
    await hangUp(head, form.body.subarray(0, 80_000), farewell)
  })

  test('multipart, in the second model of a soup', async () => {
    const head = `POST /v1/soup HTTP/1.1\r\ncontent-type: ${form.type}\r\ncontent-length: ${form.body.length}`
    await hangUp(head, form.body.subarray(0, 240_000), farewell)
  })

  test('multipart, after its last model but before the last boundary', async () => {
    const head = `POST /v1/soup HTTP/1.1\r\ncontent-type: ${form.type}\r\ntransfer-encoding: chunked`
    const body = form.body.subarray(0, form.body.length - 30)
    await hangUp(head, Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body]), farewell)
  })
})
