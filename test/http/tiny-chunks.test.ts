import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gatheringMessage } from '../../src/http/gathering-message.ts'
import { expectNothingKept } from '../support/http-client.ts'
import { listenOn } from '../support/listening.ts'
import { openSocket, readAnswer } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'

const chunked = (path: string) =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${path === '/v1/models' ? 'application/octet-stream' : 'application/json'}\r\ntransfer-encoding: chunked\r\n\r\n`
const chunksOf = (text: string, size: number) =>
  (text.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [])
    .map(part => `${part.length.toString(16)}\r\n${part}\r\n`)
    .join('')

describe('a body in small chunks', () => {
  let url: string
  let close: () => void
  let handle: (request: IncomingMessage, response: ServerResponse) => void
  beforeAll(async () => {
    const server = createServer({ IncomingMessage: gatheringMessage('') }, (request, response) =>
      handle(request, response),
    )
    url = `http://127.0.0.1:${await listenOn(server)}`
    close = () => void server.close()
  })
  afterAll(() => close())

  const text = Array.from({ length: 30_000 }, (_, index) => String(index).padStart(9, '.')).join('')

  test.each([9, 100, 4095, 4096, 5000, 70_000])(
    'of %i bytes comes to its reader whole, in fewer pieces',
    async size => {
      const read: Buffer[] = []
      handle = async (request, response) => {
        // What comes meanwhile stays unread.
        await delay(100)
        for await (const chunk of request) read.push(chunk)
        response.end('done')
      }
      const socket = await openSocket(url)
      socket.write(`${chunked('/')}${chunksOf(text, size)}0\r\n\r\n`)
      expect((await readAnswer(socket)).body).toBe('done')
      expect(Buffer.concat(read).toString()).toBe(text)
      expect(read.length).toBeLessThan(text.length / 1000)
    },
  )

  test('comes to a reader that waits for it as it comes', async () => {
    handle = async (request, response) => {
      for await (const chunk of request) if (String(chunk) === 'first') return response.end('seen')
    }
    const socket = await openSocket(url)
    const answer = readAnswer(socket)
    socket.write(`${chunked('/')}${chunksOf('first', 5)}`)
    expect((await answer).body).toBe('seen')
  })
})

describe('many chunks of a byte', () => {
  let app: Awaited<ReturnType<typeof startApp>>
  beforeAll(async () => {
    app = await startApp()
  })
  afterAll(() => app.close())

  test.each(['/v1/models', '/v1/merges'])('sent to %s are refused, and the connection ends', async path => {
    const socket = await openSocket(app.url)
    const answer = readAnswer(socket)
    socket.write(`${chunked(path)}${'1\r\n \r\n'.repeat(5000)}`)
    const { status, headers, body } = await answer
    expect({ status, connection: headers['connection'] }).toEqual({ status: 400, connection: 'close' })
    expect(JSON.parse(body)).toMatchObject({ code: 'TUREEN_BODY_MALFORMED', detail: expect.stringContaining('chunks') })
    await expectNothingKept(app)
  })

  test('are read while they are few', async () => {
    const socket = await openSocket(app.url)
    const body = JSON.stringify({ models: [{ id: 'none' }] })
    socket.write(`${chunked('/v1/merges')}${chunksOf(body, 1)}0\r\n\r\n`)
    expect((await readAnswer(socket)).status).toBe(404)
  })
})
