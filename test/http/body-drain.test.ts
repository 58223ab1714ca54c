import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createBodyDrain, type DrainLimits } from '../../src/http/body-drain.ts'
import { listenOn } from '../support/listening.ts'
import { openSocket } from '../support/raw-http.ts'
import { until } from '../support/store-client.ts'

const milliseconds = 900
const limits: DrainLimits = { milliseconds, bytes: 4_000_000, connections: 2, patience: 300 }
/** Limits with which a body that comes is read on, however busy the machine is. */
const withoutEnd = { ...limits, milliseconds: 3_600_000 }
const progress = { bytesPerSecond: 20_000, windowMilliseconds: 30_000, idleMilliseconds: 60_000 }

let server: Server
let url: string
let drain: ReturnType<typeof createBodyDrain>
let drained: { bytes: number; milliseconds: number; complete: boolean }[]
beforeEach(() => serve(limits))
afterEach(stop)

async function serve(limits: DrainLimits): Promise<void> {
  drain = createBodyDrain(progress, limits)
  const ofThisTest: typeof drained = []
  drained = ofThisTest
  const { drain: drainOne } = drain
  server = createServer(async request => {
    const began = performance.now()
    await drainOne(request)
    const { complete, socket } = request
    ofThisTest.push({ bytes: socket.bytesRead, milliseconds: performance.now() - began, complete })
    socket.destroy()
  })
  url = `http://127.0.0.1:${await listenOn(server)}`
}

function stop(): void {
  drain.close()
  server.closeAllConnections()
  server.close()
}

/** Declares a body, sends its beginning, and then `piece` bytes every 50 ms. */
async function send({ declared = 9_000_000, first = 1, piece = 0 }): Promise<Socket> {
  const socket = await openSocket(url)
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${declared}\r\n\r\n`)
  socket.write(Buffer.alloc(first))
  const timer = setInterval(() => {
    if (piece > 0 && socket.writable && !socket.writableNeedDrain) socket.write(Buffer.alloc(piece))
  }, 50)
  socket.once('close', () => clearInterval(timer))
  return socket
}

const ended = (count: number) => until(`${count} have ended`, () => drained.length >= count)

describe('the rest of an answered body', () => {
  test('is read to its end', async () => {
    await send({ declared: 3_000_000, first: 3_000_000 })
    await ended(1)
    expect(drained).toMatchObject([{ complete: true }])
    expect(drained[0]?.bytes).toBeGreaterThan(3_000_000)
  })

  test('is read for as long as it comes, up to a limit of time', async () => {
    await send({ piece: 10_000 })
    await ended(1)
    expect(drained).toMatchObject([{ complete: false }])
    expect(drained[0]?.milliseconds).toBeGreaterThanOrEqual(milliseconds - 5)
  })

  test('is read up to a limit of bytes', async () => {
    await send({ first: 9_000_000 - 1 })
    await ended(1)
    expect(drained).toMatchObject([{ complete: false }])
    expect(drained[0]?.bytes).toBeGreaterThan(limits.bytes)
  })

  test.each([
    ['nothing comes', 0],
    ['it comes below the least rate', 100],
  ])('is given up sooner when %s', async (_, piece) => {
    stop()
    await serve(withoutEnd)
    await send({ piece: 10_000 })
    await send({ piece })
    await ended(1)
    expect(drained).toMatchObject([{ complete: false }])
    expect(drained[0]?.bytes).toBeLessThan(10_000)
  })

  test('is forgotten when the client goes away', async () => {
    const socket = await send({ piece: 10_000 })
    await delay(100)
    socket.destroy()
    await ended(1)
    expect(drained).toMatchObject([{ complete: false }])
  })
})

describe('beyond the number of bodies at a time', () => {
  test('a large body waits for a place, and is not read meanwhile', async () => {
    await Promise.all([send({ piece: 10_000 }), send({ piece: 10_000 })])
    await delay(50)
    await send({ first: 9_000_000 - 1 })
    await ended(1)
    // It has waited in vain. The system's buffers and the parser's hold what has come.
    expect(drained[0]?.bytes).toBeLessThan(limits.bytes)
    await ended(3)
  })

  test('a place that becomes free is taken', async () => {
    const [first] = await Promise.all([send({ piece: 10_000 }), send({ piece: 10_000 })])
    await delay(50)
    await send({ declared: 3_000_000, first: 3_000_000 })
    await delay(100)
    first.destroy()
    await ended(2)
    expect(drained).toContainEqual(expect.objectContaining({ complete: true }))
  })

  test('a place is not lost by a client that goes away while it waits', async () => {
    stop()
    await serve(withoutEnd)
    const first = await Promise.all([send({ piece: 10_000 }), send({ piece: 10_000 })])
    await delay(50)
    const waiting = await send({ piece: 10_000 })
    await delay(50)
    for (const socket of [waiting, ...first]) socket.destroy()
    await ended(3)
    await Promise.all([1, 2].map(() => send({ declared: 3_000_000, first: 3_000_000 })))
    await ended(5)
    expect(drained.slice(3)).toMatchObject([{ complete: true }, { complete: true }])
  })

  test('a small body needs no place', async () => {
    await Promise.all([send({ piece: 10_000 }), send({ piece: 10_000 })])
    await delay(50)
    await send({ declared: 900_000, first: 900_000 })
    await ended(1)
    expect(drained).toMatchObject([{ complete: true }])
  })
})

test('a server that stops does not wait for long', async () => {
  await send({ piece: 10_000 })
  await delay(50)
  drain.close()
  await ended(1)
  expect(drained[0]?.milliseconds).toBeLessThan(milliseconds)
})
