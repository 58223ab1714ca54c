import { readdirSync, readlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import fastify from 'fastify'
import { expect, test } from 'vitest'
import { sendPieces } from '../../src/http/send-pieces.ts'
import { readPieces } from '../../src/storage/content/read-pieces.ts'
import { openSocket } from '../support/raw-http.ts'
import { temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

/** More than the system takes for a client that reads nothing. */
const length = 64 << 20

/** Descriptors of this process on a file. */
function openOn(path: string): number {
  return readdirSync('/proc/self/fd').filter(name => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`) === path
    } catch {
      return false
    }
  }).length
}

/** How a client, which reads nothing, goes while an answer is sent. */
const goings: Record<string, (socket: Socket) => void> = {
  'resets the connection': socket => socket.resetAndDestroy(),
  'closes the connection': socket => socket.destroy(),
  // Node ends its half as well, and calls nobody back about what is written to the connection from then on.
  'closes its half, and reads on'(socket) {
    socket.end()
    socket.resume()
  },
}

test.skipIf(process.platform !== 'linux').each(Object.entries(goings))(
  'the file of a download is closed when its client %s',
  async (_, go) => {
    const directory = await temporaryDirectory()
    const path = join(directory.path, 'content')
    await writeFile(path, Buffer.alloc(length))
    const app = fastify()
    const ended = Promise.withResolvers<string>()
    app.get('/', (_, reply) => {
      const sent = sendPieces(reply, readPieces(path, { start: 0, length }), length)
      void Promise.race([sent.then(() => 'sent'), delay(10_000, 'waits', { ref: false })]).then(ended.resolve)
      return sent
    })
    try {
      const socket = await openSocket(await app.listen({ host: '127.0.0.1', port: 0 }))
      socket.pause()
      socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
      await until('the file is being sent', async () => openOn(path) === 1)
      // Until the system takes no more: a piece is on its way then, and the next one waits for it.
      await delay(300)
      go(socket)
      expect(await ended.promise).toBe('sent')
      expect(openOn(path)).toBe(0)
      socket.destroy()
    } finally {
      await app.close()
      await directory.remove()
    }
  },
)

test('an answer ends with its last byte, before the end of what it comes from', async () => {
  const app = fastify()
  const closing = Promise.withResolvers<void>()
  app.get('/', (_, reply) => {
    const pieces = async function* () {
      yield Buffer.from('ab')
      yield Buffer.from('cd')
      // As a file closes late while other work has its thread.
      await closing.promise
    }
    return sendPieces(reply.header('content-length', 4), pieces(), 4)
  })
  let isAborted: boolean | undefined
  app.addHook('onRequest', async (_, reply) => {
    reply.raw.once('close', () => {
      isAborted = !reply.raw.writableEnded
    })
  })
  try {
    const response = await fetch(await app.listen({ host: '127.0.0.1', port: 0 }))
    expect(await response.text()).toBe('abcd')
    await until('the answer is over', () => isAborted !== undefined)
    expect(isAborted).toBe(false)
  } finally {
    closing.resolve()
    await app.close()
  }
})

test('an answer whose source ends too soon ends the connection', async () => {
  const app = fastify()
  app.get('/', (_, reply) => {
    const pieces = async function* () {
      yield Buffer.from('ab')
    }
    return sendPieces(reply.header('content-length', 4), pieces(), 4)
  })
  try {
    const response = await fetch(await app.listen({ host: '127.0.0.1', port: 0 }))
    await expect(response.text()).rejects.toThrow('terminated')
  } finally {
    await app.close()
  }
})
