import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { modelForm, postJson, readProblem } from '../support/http-client.ts'
import { converse, expectProblem, openSocket, readAnswer } from '../support/raw-http.ts'
import { projectFile, startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

let app: Awaited<ReturnType<typeof startApp>>
let ft0: Buffer<ArrayBuffer>
beforeAll(async () => {
  ft0 = await projectFile('examples/digits/ft0.onnx')
  app = await startApp({
    TUREEN_MAX_UPLOADS: '1',
    TUREEN_MAX_MODELS: '2',
    TUREEN_HEADER_SECONDS: '1',
    TUREEN_BODY_IDLE_SECONDS: '2',
  })
})
afterAll(() => app.close())

/** A slot is free again when the server has seen the end of an upload, which may be after its client has. */
const untilUploadsAreTaken = () =>
  until('an upload is taken', async () => {
    const { status } = await fetch(`${app.url}/v1/models`, { method: 'POST', body: Buffer.alloc(10) })
    return status === 400
  })

describe('beyond TUREEN_MAX_UPLOADS', () => {
  /** An upload that goes on until its socket is closed. */
  async function endlessUpload(): Promise<Socket> {
    const socket = await openSocket(app.url)
    socket.write(
      'POST /v1/models HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\nexpect: 100-continue\r\n\r\n',
    )
    await new Promise(resolve => socket.once('data', resolve))
    return socket
  }

  test.each(['/v1/models', '/v1/soup', '/v1/datasets'])('an upload to %s is 429 without being read', async path => {
    const running = await endlessUpload()
    const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n`
    const answer = await converse(app.url, head)
    running.destroy()
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    const { errors } = expectProblem(answer, 429, 'TUREEN_TOO_MANY_UPLOADS')
    expect(errors).toMatchObject([{ field: 'TUREEN_MAX_UPLOADS' }])
  })

  test('everything else is answered, and uploads again once one has ended, however it did', async () => {
    const running = await endlessUpload()
    expect((await fetch(`${app.url}/v1/models`)).status).toBe(200)
    running.destroy()
    for (let times = 0; times < 3; times += 1) await untilUploadsAreTaken()
  })
})

describe('beyond TUREEN_MAX_MODELS', () => {
  const models = [{ id: 'a' }, { id: 'b' }, { id: 'c' }]
  test.each([
    ['merges', { models }],
    ['comparisons', { models }],
    ['searches', { models, strategy: { type: 'greedy' }, selection: { dataset: 'd', metric: 'accuracy' } }],
  ])('%s are 400 and name the field', async (path, body) => {
    const problem = await readProblem(await postJson(`${app.url}/v1/${path}`, body), 400, 'TUREEN_REQUEST_INVALID')
    expect(problem.errors).toMatchObject([{ field: 'models', message: expect.stringContaining('TUREEN_MAX_MODELS') }])
    const fewer = { ...body, models: models.slice(1) }
    await readProblem(await postJson(`${app.url}/v1/${path}`, fewer), 404, 'TUREEN_NOT_FOUND')
  })

  test('a soup is 400, and two models make one', async () => {
    const post = (count: number) =>
      fetch(`${app.url}/v1/soup`, { method: 'POST', body: modelForm(Array.from({ length: count }, () => ft0)) })
    const { errors } = await readProblem(await post(3), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'model', message: expect.stringContaining('TUREEN_MAX_MODELS') }])
    const soup = await post(2)
    expect(soup.status).toBe(200)
    await soup.arrayBuffer()
    await untilUploadsAreTaken()
  })
})

test('half a request is ended and counted, although its client keeps its side open', async () => {
  const ended = async () => {
    const metrics = await (await fetch(`${app.url}/metrics`)).text()
    return Number(/^tureen_connections_ended_total\{reason="headers"\} (\d+)$/m.exec(metrics)?.[1] ?? 0)
  }
  const before = await ended()
  const { hostname, port } = new URL(app.url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  socket.on('error', () => undefined).resume()
  socket.write('GET /hea')
  await new Promise(resolve => socket.once('end', resolve))
  expect(await ended()).toBe(before + 1)
  // A connection that the server has closed is reset at the next byte.
  const timer = setInterval(() => socket.write('l'), 50)
  await new Promise(resolve => socket.once('close', resolve))
  clearInterval(timer)
  expect(await ended()).toBe(before + 1)
}, 60_000)

test('what stands still is 408: headers, bodies that are parsed, and uploads', async () => {
  const parsed =
    'POST /v1/merges HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"m'
  const upload = 'POST /v1/models HTTP/1.1\r\nhost: localhost\r\ncontent-length: 900\r\n\r\nonnx'
  await untilUploadsAreTaken()
  const slow = await Promise.all(
    ['GET /v1/models HTTP/1.1\r\nhost: localhost\r\n', parsed, upload].map(said => converse(app.url, said)),
  )
  for (const { status, text, body } of slow) {
    expect({ status, text }).toMatchObject({ status: 408 })
    expect(JSON.parse(body)).toMatchObject({ code: 'TUREEN_REQUEST_TIMEOUT' })
  }
})

test('a body that comes slowly, but comes, is read', async () => {
  const socket = await openSocket(app.url)
  const answer = readAnswer(socket)
  socket.write(
    'POST /v1/merges HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n',
  )
  for (const byte of '{"a":') {
    socket.write(byte)
    await new Promise(resolve => setTimeout(resolve, 600))
  }
  expect(JSON.parse((await answer).body)).toMatchObject({ code: 'TUREEN_BODY_MALFORMED' })
})
