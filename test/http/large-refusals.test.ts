import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { converse, openSocket } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

const token = 'writer-0123456789abcdef'
const bytes = 12_000_000

let app: Awaited<ReturnType<typeof startApp>>
let oneSlot: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  const variables = { TUREEN_TOKENS: `w:write:${token}`, TUREEN_MAX_UPLOAD_BYTES: '2000000' }
  app = await startApp(variables)
  oneSlot = await startApp({ ...variables, TUREEN_MAX_UPLOADS: '1' })
})
afterAll(async () => {
  await app.close()
  await oneSlot.close()
})

/** Sends a whole body before it reads a byte of the answer, as many clients do. It takes some seconds. */
const sendsFirst = `
import sys, time, urllib.error, urllib.request
url, method, type, authorization = sys.argv[1:]
def body():
    for _ in range(60):
        time.sleep(0.1)
        yield bytes(${bytes} // 60)
headers = {'content-type': type, 'content-length': '${bytes}', 'authorization': authorization}
try:
    urllib.request.urlopen(urllib.request.Request(url, body(), headers, method=method))
except urllib.error.HTTPError as error:
    print(error.code, error.headers['content-type'], error.read().decode())
`

async function askWithUrllib(line: string, type: string, authorization = `Bearer ${token}`): Promise<string> {
  const [method = '', path = ''] = line.split(' ')
  const parameters = ['-c', sendsFirst, `${app.url}${path}`, method, type, authorization]
  const { stdout } = await promisify(execFile)('python3', parameters)
  return stdout
}

describe('a client that reads only after it has sent all sees why it is refused', () => {
  // The clients send at the same time.
  test.concurrent.each([
    ['without a token', 401, 'POST /v1/models', 'application/octet-stream', 'none'],
    ['with too many bytes', 413, 'POST /v1/models', 'application/octet-stream', undefined],
    ['of another type', 415, 'POST /v1/models', 'image/png', undefined],
    ['as JSON', 413, 'POST /v1/merges', 'application/json', undefined],
    ['for a model that is not', 404, 'PUT /v1/models/none/data/w.bin', 'application/octet-stream', undefined],
  ])('%s: %i', async (_, status, line, type, authorization) => {
    const said = await askWithUrllib(line, type, authorization)
    expect(said).toMatch(new RegExp(`^${status} application/problem\\+json \\{`))
  })
})

describe('a client that reads late sees why its head is refused', () => {
  const length = `content-length: ${bytes}\r\n`

  test.each([
    ['an address that is not encoded', 400, `PUT /v1/models?name=é HTTP/1.1\r\nhost: localhost\r\n${length}`],
    [
      'headers that are too long',
      431,
      `PUT /v1/models HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n${length}`,
    ],
    ['an unknown expectation', 417, `PUT /v1/models HTTP/1.1\r\nhost: localhost\r\nexpect: more\r\n${length}`],
    ['a malformed path', 400, `PUT /v1/models/%ff HTTP/1.1\r\nhost: localhost\r\n${length}`],
  ])('%s: %i', async (_, status, head) => {
    const socket = await openSocket(app.url)
    socket.pause()
    socket.write(`${head}\r\n`)
    // Nothing of the body may be taken for a request.
    const piece = Buffer.from('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(20_000))
    for (let rest = bytes; rest > 0; rest -= piece.length)
      await new Promise<void>((resolve, reject) =>
        socket.write(piece.subarray(0, rest), error => (error ? reject(error) : resolve())),
      )
    let said = ''
    socket.on('data', chunk => {
      said += chunk
    })
    socket.resume()
    await until('the answer is here', () => said.includes('}'))
    socket.destroy()
    expect(said.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`])
  })
})

describe('an upload that is refused, and that still sends', () => {
  const head = (length: number | undefined) =>
    `POST /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n` +
    `${length === undefined ? 'transfer-encoding: chunked' : `content-length: ${length}`}\r\n\r\n`

  /** Sends a body in chunks that are too many for the server, slowly, and reads nothing. */
  async function sendTooMuch(): Promise<Socket> {
    const socket = await openSocket(oneSlot.url)
    const chunk = `${(100_000).toString(16)}\r\n${'x'.repeat(100_000)}\r\n`
    socket.write(head(undefined))
    const timer = setInterval(() => {
      if (socket.writable && !socket.writableNeedDrain) socket.write(chunk)
    }, 20)
    socket.once('close', () => clearInterval(timer))
    return socket
  }

  test('holds no slot', async () => {
    const socket = await sendTooMuch()
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1.1 4\d\d /)
    const sent = socket.bytesWritten
    // The only slot is free, while the server still reads.
    const other = await converse(oneSlot.url, `${head(3)}abc`)
    expect(other.status).toBe(400)
    await until('more was sent', () => socket.bytesWritten > sent + 500_000)
    socket.destroy()
  })

  test('JSON in chunks that is too long is read on, too', async () => {
    const socket = await openSocket(app.url)
    let said = ''
    socket.on('data', chunk => {
      said += chunk
    })
    socket.write(
      `POST /v1/merges HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    )
    for (let count = 0; count < 40; count += 1) {
      socket.write(`${(100_000).toString(16)}\r\n${' '.repeat(100_000)}\r\n`)
      if (socket.writableNeedDrain) await once(socket, 'drain')
      await delay(5)
    }
    socket.write('0\r\n\r\n')
    await once(socket, 'end')
    expect(said).toMatch(/^HTTP\/1.1 413 /)
  })
})
