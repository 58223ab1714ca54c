import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AttackedServer, startAttacked } from '../support/attacked-server.ts'
import { filesIn, modelForm, readProblem } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { converse, openSocket } from '../support/raw-http.ts'
import { modelBegins } from '../support/slow-clients.ts'

const limit = 1_000_000

let server: AttackedServer
beforeAll(async () => {
  server = await startAttacked({ TUREEN_MAX_UPLOAD_BYTES: String(limit) })
})
afterAll(() => server.stop())

/** The first bytes of a file that a path takes. Others are refused at once. */
const starts: [path: string, start: Uint8Array][] = [
  ['/v1/models', modelBegins],
  ['/v1/soup', modelBegins],
  ['/v1/datasets', Buffer.from('PK\x03\x04')],
]

describe('many times what an upload may be', () => {
  test('in a form is 413 and leaves nothing', async () => {
    await server.attack(async () => {
      const response = await fetch(`${server.url}/v1/models`, {
        method: 'POST',
        body: modelForm([new Uint8Array(5 * limit)]),
      })
      await readProblem(response, 413, 'TUREEN_TOO_LARGE')
    })
  })

  test.each(starts.filter(([path]) => path !== '/v1/soup'))(
    'raw and of no known length, to %s, is 413 and leaves nothing',
    async (path, start) => {
      await server.attack(async () => {
        const chunk = new Uint8Array(limit / 10)
        chunk.set(start)
        const body = ReadableStream.from(Array.from({ length: 500 }, () => chunk))
        const response = await fetch(`${server.url}${path}`, { method: 'POST', body, duplex: 'half' })
        await readProblem(response, 413, 'TUREEN_TOO_LARGE')
      })
    },
  )

  test('in a form whose every file is small, is 413 and leaves nothing', async () => {
    const parts = Array.from({ length: 50 }, () => new Uint8Array(limit / 10))
    await server.attack(async () => {
      const response = await fetch(`${server.url}/v1/soup`, { method: 'POST', body: modelForm(parts) })
      await readProblem(response, 413, 'TUREEN_TOO_LARGE')
    })
  })
})

const head = (path: string, boundary = 'b') =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=${boundary}\r\n`
const partHead = (name: string) => `--b\r\ncontent-disposition: form-data; name="${name}"; filename="m.onnx"\r\n\r\n`

describe('forms that never end', () => {
  test.each(starts)(
    'stand still beside other work, and leave nothing when their clients go: %s',
    async (path, start) => {
      await server.attack(async () => {
        const sockets = await Promise.all(Array.from({ length: 30 }, () => openSocket(server.url)))
        const chunk = Buffer.alloc(0x20000, 'x')
        Buffer.concat([Buffer.from(partHead('model')), start]).copy(chunk)
        for (const socket of sockets) {
          socket.write(`${head(path)}transfer-encoding: chunked\r\n\r\n20000\r\n`)
          socket.write(chunk)
          socket.write('\r\n')
        }
        for (let tries = 0; tries < 100 && (await filesIn(server.data, 'incoming')).length < 30; tries += 1)
          await delay(20)
        expect(await filesIn(server.data, 'incoming')).toHaveLength(30)
        const response = await fetch(`${server.url}/v1/soup`, {
          method: 'POST',
          body: modelForm([linearModel([1], [2])]),
        })
        expect(response.status).toBe(200)
        await response.arrayBuffer()
        for (const socket of sockets) socket.resetAndDestroy()
      })
    },
  )

  test.each([
    ['no boundary at all', 'x'.repeat(100)],
    ['a part without its end', `${partHead('model')}abc`],
    ['a part without a head', '--b\r\n\r\nabc\r\n--b--\r\n'],
    ['a head that never ends', `--b\r\n${'content-x: y\r\n'.repeat(10_000)}`],
    ['ten thousand empty parts', `${partHead('other')}\r\n`.repeat(10_000)],
  ])('%s is refused as soon as the body is over', async (_, body) => {
    await server.attack(async () => {
      for (const path of ['/v1/models', '/v1/soup']) {
        const said = `${head(path)}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
        const { status, headers, text } = await converse(server.url, said, 20_000)
        expect({ status, text: text.slice(0, 300) }).toMatchObject({ status: 400 })
        expect(headers['content-type']).toMatch(/^application\/problem\+json/)
      }
    })
  })
})
