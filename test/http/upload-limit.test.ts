import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { expectNothingKept, modelForm, postSoup, readProblem } from '../support/http-client.ts'
import { converse, openSocket, readAnswer } from '../support/raw-http.ts'
import { projectFile, startApp } from '../support/server.ts'
import { begunModel } from '../support/slow-clients.ts'

/** Enough for one of the digits (159,308 bytes), not for two. */
const limit = 200_000

let app: Awaited<ReturnType<typeof startApp>>
let ft0: Buffer<ArrayBuffer>
let ft1: Buffer<ArrayBuffer>
let flooding: Promise<string>

beforeAll(async () => {
  app = await startApp({ TUREEN_MAX_UPLOAD_BYTES: String(limit) })
  ft0 = await projectFile('examples/digits/ft0.onnx')
  ft1 = await projectFile('examples/digits/ft1.onnx')
  flooding = flood()
})
afterEach(() => expectNothingKept(app))
afterAll(() => app.close())

/** A client that sends without end. Resolves, when it is cut off, to what it was told. */
async function flood(): Promise<string> {
  const socket = await openSocket(app.url)
  socket.write('POST /v1/models HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n')
  const chunk = Buffer.concat([Buffer.from('1000000\r\n'), begunModel(16 << 20), Buffer.from('\r\n')])
  let told = ''
  socket.on('data', chunk => {
    told += chunk
  })
  const timer = setInterval(() => socket.writable && !socket.writableNeedDrain && socket.write(chunk), 100)
  await new Promise(resolve => socket.on('close', resolve))
  clearInterval(timer)
  return told
}

/** A client that sends all it has, whatever happens, and begins to read only then, as simple ones do. */
async function sendAll(size: number, framing: 'length' | 'chunks'): Promise<ProblemDocument> {
  const socket = await openSocket(app.url)
  const chunked = framing === 'chunks'
  const header = chunked ? 'transfer-encoding: chunked' : `content-length: ${size}`
  const say = (data: string | Uint8Array) =>
    new Promise<void>((resolve, reject) => socket.write(data, error => (error ? reject(error) : resolve())))
  await say(`POST /v1/models HTTP/1.1\r\nhost: localhost\r\n${header}\r\n\r\n`)
  for (let rest = size; rest > 0; rest -= 1 << 20) {
    const bytes = begunModel(Math.min(rest, 1 << 20))
    if (chunked) await say(`${bytes.length.toString(16)}\r\n`)
    await say(bytes)
    if (chunked) await say('\r\n')
  }
  if (chunked) await say('0\r\n\r\n')
  return JSON.parse((await readAnswer(socket)).body)
}

const sizes = [limit + 1, 3_000_000, 30_000_000]

describe('raw', () => {
  test.each(sizes)('%i bytes that say their length', async size => {
    const problem = await sendAll(size, 'length')
    expect(problem).toMatchObject({ status: 413, code: 'TUREEN_TOO_LARGE' })
    expect(problem.detail).toContain('TUREEN_MAX_UPLOAD_BYTES')
  })

  test.each(sizes)('%i bytes in chunks', async size => {
    const problem = await sendAll(size, 'chunks')
    expect(problem).toMatchObject({ status: 413, code: 'TUREEN_TOO_LARGE' })
  })

  test.each(sizes)('%i bytes by fetch', async size => {
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body: begunModel(size) })
    await readProblem(response, 413, 'TUREEN_TOO_LARGE')
  })

  test('a length too large for any number is refused before a byte of it', async () => {
    const head = `POST /v1/models HTTP/1.1\r\nhost: localhost\r\ncontent-length: 90071992547409930\r\n\r\n`
    expect(await converse(app.url, head)).toMatchObject({ status: 413 })
  })

  test('a client that asks first (Expect: 100-continue) is told without having sent anything', async () => {
    const head = `POST /v1/models HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 30000000\r\n\r\n`
    const { status, text } = await converse(app.url, head)
    expect({ status, text }).toMatchObject({ status: 413 })
    expect(text).not.toContain('100 Continue')
  })
})

describe('multipart', () => {
  test.each(sizes)('a model of %i bytes', async size => {
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body: modelForm([begunModel(size)]) })
    await readProblem(response, 413, 'TUREEN_TOO_LARGE')
  })

  test('counts all parts together', async () => {
    const { detail } = await readProblem(await postSoup(app.url, [ft0, ft1]), 413, 'TUREEN_TOO_LARGE')
    expect(detail).toContain('200,000')
  })

  test('counts in chunks of no known length', async () => {
    const form = new Request('http://x', { method: 'POST', body: modelForm([ft0, ft1]) })
    const response = await fetch(`${app.url}/v1/soup`, {
      method: 'POST',
      body: form.body ?? '',
      headers: { 'content-type': form.headers.get('content-type') ?? '' },
      duplex: 'half',
    })
    await readProblem(response, 413, 'TUREEN_TOO_LARGE')
  })

  test('counts a recipe that is sent as a file, too', async () => {
    const form = modelForm([ft0])
    form.append('recipe', new Blob([' '.repeat(100_000)]), 'recipe.json')
    await readProblem(await fetch(`${app.url}/v1/soup`, { method: 'POST', body: form }), 413, 'TUREEN_TOO_LARGE')
  })
})

describe('within the limit', () => {
  test('exactly as many bytes as allowed are read', async () => {
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body: begunModel(limit) })
    await readProblem(response, 400, 'TUREEN_MODEL_MALFORMED')
  })

  test('the boundaries of a form do not count', async () => {
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body: modelForm([begunModel(limit)]) })
    await readProblem(response, 400, 'TUREEN_MODEL_MALFORMED')
  })

  test('the connection goes on working after a small refusal', async () => {
    const socket = await openSocket(app.url)
    const body = ' '.repeat(10)
    socket.write(
      `POST /v1/models HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n${body}GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
    )
    let text = ''
    socket.on('data', chunk => {
      text += chunk
    })
    await new Promise(resolve => socket.on('close', resolve))
    expect(text).toContain('HTTP/1.1 400 ')
    expect(text).toContain('HTTP/1.1 200 OK')
  })
})

describe('a recipe of more than 1 MiB is refused, for it is held in memory', () => {
  const long = ' '.repeat((1 << 20) + 1)
  let roomy: Awaited<ReturnType<typeof startApp>>
  beforeAll(async () => {
    roomy = await startApp()
  })
  afterAll(() => roomy.close())

  test.each([
    ['a field', long],
    ['a file', new Blob([long])],
  ])('sent as %s', async (_, recipe) => {
    const form = modelForm([ft0])
    form.append('recipe', recipe)
    await readProblem(await fetch(`${roomy.url}/v1/soup`, { method: 'POST', body: form }), 413, 'TUREEN_TOO_LARGE')
  })
})

// It has been at it since the beginning: the server bears with a client for a while, so that it may read the answer.
test('a client that never stops is told, and cut off', async () => {
  expect(await flooding).toMatch(/^HTTP\/1.1 413 .*TUREEN_TOO_LARGE/s)
})
