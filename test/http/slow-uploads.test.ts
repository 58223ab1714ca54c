import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { expectNothingKept, modelForm } from '../support/http-client.ts'
import { converse, expectProblem, openSocket, type RawAnswer } from '../support/raw-http.ts'
import { projectFile, startApp } from '../support/server.ts'
import { modelBegins, type SlowClient, sendSlowly, uploadHead } from '../support/slow-clients.ts'
import { until } from '../support/store-client.ts'

const patience = 20_000

function expectTimeout(answer: RawAnswer): ProblemDocument {
  expect(answer.headers['connection']).toBe('close')
  return expectProblem(answer, 408, 'TUREEN_REQUEST_TIMEOUT')
}

describe('TUREEN_MIN_RATE', () => {
  let app: Awaited<ReturnType<typeof startApp>>
  beforeAll(async () => {
    app = await startApp({ TUREEN_MIN_RATE: '20000', TUREEN_MIN_RATE_SECONDS: '1' })
  })
  afterAll(async () => {
    await expectNothingKept(app)
    await app.close()
  })

  const form = (path: string) => `${uploadHead(path, 9_000_000)}\r\ncontent-type: multipart/form-data; boundary=b`
  const part = (name: string, filename = '') =>
    `--b\r\ncontent-disposition: form-data; name="${name}"${filename && `; filename="${filename}"`}\r\n`

  // The clients wait at the same time.
  test.concurrent.each([
    ['a raw model', { head: uploadHead('/v1/models', 9_000_000), first: 'onnx' }],
    ['a data set', { head: uploadHead('/v1/datasets', 9_000_000), first: 'PK' }],
    ['a model part', { head: form('/v1/soup'), first: `${part('model', 'm.onnx')}\r\nonnx` }],
    ['the head of a part', { head: form('/v1/soup'), first: part('model', 'm.onnx'), piece: 'x-a: b\r\n' }],
    ['a text field', { head: form('/v1/soup'), first: `${part('recipe')}\r\n{` }],
    [
      'what follows the last part',
      { head: form('/v1/soup'), first: `${part('model', 'm.onnx')}\r\nonnx\r\n--b--\r\n`, piece: '\r\n' },
    ],
    ['a body of which nothing comes', { head: `${uploadHead('/v1/models', 9)}\r\nexpect: 100-continue`, piece: '' }],
  ])(
    '%s below it is 408 and leaves nothing',
    async (_, body) => {
      const client = await sendSlowly(app.url, body)
      const { detail, errors } = expectTimeout(await client.answer)
      expect(detail).toMatch(/TUREEN_MIN_RATE\b.*Nothing was kept/)
      expect(errors).toEqual([
        {
          field: 'TUREEN_MIN_RATE',
          message: expect.stringContaining('20,000'),
          expected: '20000 bytes a second',
          actual: expect.stringMatching(/^\d+ bytes a second$/),
        },
      ])
    },
    patience,
  )

  test(
    'an upload above it is read to its end, however long it takes',
    async () => {
      const piece = Buffer.alloc(5000)
      const body = { head: uploadHead('/v1/models', 150_000), first: modelBegins, piece }
      const client = await sendSlowly(app.url, body)
      await until('all is sent', () => client.sent() >= 150_000)
      expect((await client.answer).status).toBe(400)
    },
    patience,
  )
})

describe('a body of JSON', () => {
  let app: Awaited<ReturnType<typeof startApp>>
  beforeAll(async () => {
    app = await startApp({ TUREEN_BODY_SECONDS: '2' })
  })
  afterAll(() => app.close())

  const head = (path: string, type: string) =>
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 900\r\ncontent-type: ${type}`

  test(
    'or YAML that drips is 408 after TUREEN_BODY_SECONDS',
    async () => {
      const started = performance.now()
      const drip = async (path: string, type: string) =>
        (await sendSlowly(app.url, { head: head(path, type), first: '{"models":[', piece: ' ' })).answer
      const answers = await Promise.all([
        drip('/v1/merges', 'application/json'),
        drip('/v1/merges', 'application/yaml'),
        drip('/v1/searches', 'application/json'),
        drip('/v1/jobs/none/cancel', 'application/json'),
      ])
      for (const answer of answers) expect(expectTimeout(answer).detail).toContain('TUREEN_BODY_SECONDS')
      expect(performance.now() - started).toBeGreaterThan(1900)
    },
    patience,
  )

  test(
    'that was answered before it is complete ends its connection when the rest does not come',
    async () => {
      const dripInto = async (said: string) => {
        const socket = await openSocket(app.url)
        socket.resume().write(`${said}\r\n\r\n`)
        const timer = setInterval(() => socket.write(' '), 200)
        await new Promise(resolve => socket.once('close', resolve))
        clearInterval(timer)
      }
      const refused = head('/nothing', 'application/json')
      await Promise.all([refused, head('/v1/models', 'text/x').replace('POST', 'GET')].map(dripInto))
    },
    patience,
  )
})

describe('TUREEN_UPLOAD_SHARE', () => {
  const secret = (name: string) => `${name}-0123456789abcdef`
  let app: Awaited<ReturnType<typeof startApp>>
  const running: SlowClient[] = []
  beforeAll(async () => {
    app = await startApp({
      TUREEN_MAX_UPLOADS: '8',
      TUREEN_TOKENS: ['a', 'b', 'c'].map(name => `${name}:write:${secret(name)}`).join(),
    })
  })
  afterEach(async () => {
    for (const { socket } of running.splice(0)) socket.destroy()
    await until('all slots are free', async () => {
      // No more at a time than the share of each.
      const answers = await Promise.all([...'aabbcc'].map(ask))
      return answers.every(({ status }) => status === 400)
    })
  })
  afterAll(() => app.close())

  /** An upload that goes on, once the server has begun to read it. */
  async function begin(name: string): Promise<void> {
    const head = `${uploadHead('/v1/models', 9_000_000, secret(name))}\r\nexpect: 100-continue`
    const client = await sendSlowly(app.url, { head, piece: '' })
    running.push(client)
    await new Promise(resolve => client.socket.once('data', resolve))
  }
  const ask = (name: string) => converse(app.url, `${uploadHead('/v1/models', 3, secret(name))}\r\n\r\nabc`)

  test('lets one client have half of the uploads while nobody else wants them', async () => {
    for (let count = 0; count < 4; count += 1) await begin('a')
    const answer = await ask('a')
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    const { detail } = expectProblem(answer, 429, 'TUREEN_UPLOAD_SHARE_USED')
    expect(detail).toMatch(/token a has 4 of the server's 8 uploads.* 2 \(TUREEN_UPLOAD_SHARE\)/)
    for (const name of ['b', 'c']) for (let count = 0; count < 2; count += 1) await begin(name)
    expect(JSON.parse((await ask('c')).body)).toMatchObject({ code: 'TUREEN_TOO_MANY_UPLOADS' })
  })

  test('binds once half of the uploads are taken, by whomever', async () => {
    for (const name of ['a', 'b', 'b', 'c']) await begin(name)
    expect(JSON.parse((await ask('b')).body)).toMatchObject({ code: 'TUREEN_UPLOAD_SHARE_USED' })
    await begin('a')
    expect(JSON.parse((await ask('a')).body)).toMatchObject({ code: 'TUREEN_UPLOAD_SHARE_USED' })
    await begin('c')
  })
})

test('TUREEN_UPLOAD_SHARE counts addresses where there are no tokens, as trusted proxies tell them', async () => {
  const app = await startApp({ TUREEN_MAX_UPLOADS: '4', TUREEN_TRUSTED_PROXIES: '127.0.0.1' })
  const running: SlowClient[] = []
  const from = (address: string) => `\r\nx-forwarded-for: ${address}`
  const begin = async (address: string) => {
    const head = `${uploadHead('/v1/models', 9_000_000)}${from(address)}\r\nexpect: 100-continue`
    const client = await sendSlowly(app.url, { head, piece: '' })
    running.push(client)
    await new Promise(resolve => client.socket.once('data', resolve))
  }
  const ask = async (address: string) =>
    (await converse(app.url, `${uploadHead('/v1/models', 3)}${from(address)}\r\n\r\nabc`)).status
  await begin('2001:db8:1:2::1')
  await begin('192.0.2.1')
  expect(await ask('2001:db8:1:2::9')).toBe(429)
  expect(await ask('192.0.2.1')).toBe(429)
  expect(await ask('2001:db8:1:3::1')).toBe(400)
  expect(await ask('192.0.2.2')).toBe(400)
  for (const { socket } of running) socket.destroy()
  await app.close()
})

test('a form that comes slowly, but above the least rate, is a soup like any other', async () => {
  const app = await startApp({ TUREEN_MIN_RATE: '10000', TUREEN_MIN_RATE_SECONDS: '1' })
  const [ft0, ft1] = [await projectFile('examples/digits/ft0.onnx'), await projectFile('examples/digits/ft1.onnx')]
  const request = new Request('http://x', { method: 'POST', body: modelForm([ft0, ft1]) })
  const bytes = Buffer.from(await request.arrayBuffer())
  const head = `${uploadHead('/v1/soup', bytes.length)}\r\ncontent-type: ${request.headers.get('content-type')}`
  const client = await sendSlowly(app.url, { head, first: bytes.subarray(0, 1000), piece: '' })
  for (let sent = 1000; sent < bytes.length; sent += 20_000) {
    await new Promise(resolve => setTimeout(resolve, 150))
    client.socket.write(bytes.subarray(sent, sent + 20_000))
  }
  expect((await client.answer).status).toBe(200)
  await app.close()
})
