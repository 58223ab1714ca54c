import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import Fastify from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createBodyProgress } from '../../src/http/body-progress.ts'
import { streamedBodies, uploadParts } from '../../src/http/upload.ts'
import { listenOn } from '../support/listening.ts'
import { openSocket } from '../support/raw-http.ts'

const windowMilliseconds = 300
const progress = createBodyProgress({ bytesPerSecond: 1000, windowMilliseconds, idleMilliseconds: 60_000 })

let server: Server
let url: string
let handle: (request: IncomingMessage) => void
beforeAll(async () => {
  server = createServer(request => handle(request))
  url = `http://127.0.0.1:${await listenOn(server)}`
})
afterAll(() => {
  progress.close()
  server.closeAllConnections()
  server.close()
})

type Read = (request: IncomingMessage) => void

/** Sends the beginning of a body, which `read` takes as it likes, and waits for the end of the watch for some windows. */
async function isTooSlow(bytes: number, read: Read, declaredBytes = 9_000_000, windows = 5): Promise<boolean> {
  const taken = Promise.withResolvers<AbortSignal>()
  handle = request => {
    taken.resolve(progress.watch(request).signal)
    read(request)
  }
  const socket: Socket = await openSocket(url)
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${declaredBytes}\r\n\r\n`)
  socket.write(Buffer.alloc(bytes))
  const signal = await taken.promise
  const end = performance.now() + windows * windowMilliseconds
  while (!signal.aborted && performance.now() < end) await delay(20)
  socket.destroy()
  return signal.aborted
}

test('a client that stops sending is too slow, whichever way its body is read', async () => {
  // Time in which the machine was too busy to look does not count, so it may take many windows.
  const isFound = (read: Read) => isTooSlow(100, read, 9_000_000, 100)
  expect(await isFound(request => void request.resume())).toBe(true)
  expect(await isFound(request => void request.on('readable', () => request.read()))).toBe(true)
  const open = new Writable({ write: (_, __, done) => done() })
  expect(await isFound(request => void request.pipe(open))).toBe(true)
})

test('a client is not too slow while the server does not read', async () => {
  expect(await isTooSlow(2_000_000, () => undefined)).toBe(false)
  expect(await isTooSlow(100, request => void request.on('readable', () => undefined))).toBe(false)
  const blocked = new Writable({ write: () => undefined })
  expect(await isTooSlow(2_000_000, request => void request.pipe(blocked))).toBe(false)
})

test('a client that has sent its whole body is not too slow, however long the server works on it', async () => {
  expect(await isTooSlow(100, request => void request.on('readable', () => request.read()), 100)).toBe(false)
})

const uploads = {
  maximumBytes: 1e8,
  progress,
  reserveRoom: async () => ({ spend: () => undefined, release: () => undefined }),
}

test('a form whose parts cost the server several windows is read to its end', async () => {
  const app = Fastify()
  await app.register(streamedBodies)
  app.post('/', async request => {
    let parts = 0
    for await (const { stream } of uploadParts(request, uploads)) {
      for await (const _ of stream) await delay(windowMilliseconds / 10)
      parts += 1
    }
    return { parts }
  })
  const form = new FormData()
  for (let index = 0; index < 40; index += 1) form.append('data', new Blob(['abcd']), `d${index}`)
  const response = await fetch(await app.listen({ port: 0 }), { method: 'POST', body: form })
  expect(await response.json()).toEqual({ parts: 40 })
  await app.close()
})

test('the parts of a form wait outside until the server has taken those before them', async () => {
  const app = Fastify()
  await app.register(streamedBodies)
  app.post('/', async request => {
    let parts = 0
    let bytesRead = 0
    for await (const { stream } of uploadParts(request, uploads)) {
      for await (const _ of stream) if (parts < 20) await delay(windowMilliseconds / 10)
      parts += 1
      if (parts === 20) bytesRead = request.raw.socket.bytesRead
    }
    return { parts, bytesRead }
  })
  const form = new FormData()
  for (let index = 0; index < 400; index += 1) form.append('data', new Blob([new Uint8Array(10_000)]), `d${index}`)
  const body = await new Response(form).blob()
  const response = await fetch(await app.listen({ port: 0 }), { method: 'POST', body })
  const { parts, bytesRead } = z.object({ parts: z.number(), bytesRead: z.number() }).parse(await response.json())
  expect(parts).toBe(400)
  expect(bytesRead).toBeLessThan(1_000_000)
  await app.close()
})
