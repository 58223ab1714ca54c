import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBodyProgress } from '../../src/http/body-progress.ts'
import { openSocket } from '../support/raw-http.ts'

const windowMilliseconds = 300
const progress = createBodyProgress({ bytesPerSecond: 1000, windowMilliseconds, idleMilliseconds: 60_000 })

let server: Server
let url: string
let handle: (request: IncomingMessage) => void
beforeAll(async () => {
  server = createServer(request => handle(request))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
})
afterAll(() => {
  progress.close()
  server.closeAllConnections()
  server.close()
})

/** Sends the beginning of a body, which `read` takes as it likes, and waits for the end of the watch or for five windows. */
async function isTooSlow(bytes: number, read: (request: IncomingMessage) => void): Promise<boolean> {
  const taken = Promise.withResolvers<AbortSignal>()
  handle = request => {
    taken.resolve(progress.watch(request).signal)
    read(request)
  }
  const socket: Socket = await openSocket(url)
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n')
  socket.write(Buffer.alloc(bytes))
  const signal = await taken.promise
  const end = performance.now() + 5 * windowMilliseconds
  while (!signal.aborted && performance.now() < end) await delay(20)
  socket.destroy()
  return signal.aborted
}

test('a client that stops sending is too slow, whichever way its body is read', async () => {
  expect(await isTooSlow(100, request => void request.resume())).toBe(true)
  expect(await isTooSlow(100, request => void request.on('readable', () => request.read()))).toBe(true)
  const open = new Writable({ write: (_, __, done) => done() })
  expect(await isTooSlow(100, request => void request.pipe(open))).toBe(true)
})

test('a client is not too slow while the server does not read', async () => {
  expect(await isTooSlow(2_000_000, () => undefined)).toBe(false)
  expect(await isTooSlow(100, request => void request.on('readable', () => undefined))).toBe(false)
  const blocked = new Writable({ write: () => undefined })
  expect(await isTooSlow(2_000_000, request => void request.pipe(blocked))).toBe(false)
})
