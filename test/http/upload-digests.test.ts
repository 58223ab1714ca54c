import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { expectNothingKept, modelForm, readProblem } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { openSocket, readAnswer } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const model = linearModel([1, 2, 3, 4], [5, 6])
const names = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const
type Algorithm = keyof typeof names

function digest(algorithm: Algorithm, bytes: Uint8Array): string {
  return `${algorithm}=:${createHash(names[algorithm]).update(bytes).digest('base64')}:`
}

const right256 = digest('sha-256', model)
const wrong256 = digest('sha-256', new Uint8Array(1))

function post(headers: Record<string, string>, path = '/v1/models'): Promise<Response> {
  return fetch(`${app.url}${path}`, { method: 'POST', body: model, headers })
}

/** The model in a form of which every byte is known, as a Request would send it. */
async function formBytes(): Promise<{ body: Uint8Array<ArrayBuffer>; type: string }> {
  const request = new Request('http://x', { method: 'POST', body: modelForm([model]) })
  return {
    body: new Uint8Array(await request.arrayBuffer()),
    type: request.headers.get('content-type') ?? '',
  }
}

describe('a digest that the body does not have: 400, and nothing is kept', () => {
  afterEach(() => expectNothingKept(app))

  const cases = (['content-digest', 'repr-digest'] as const).flatMap(header =>
    (['sha-256', 'sha-512'] as const).map(algorithm => ({ header, algorithm })),
  )
  test.each(cases)('$header with $algorithm, raw', async ({ header, algorithm }) => {
    const response = await post({ [header]: digest(algorithm, new Uint8Array(3)) })
    const { detail } = await readProblem(response, 400, 'TUREEN_DIGEST_MISMATCH')
    expect(detail).toContain(createHash(names[algorithm]).update(model).digest('base64'))
  })

  test.each(cases)('$header with $algorithm, multipart', async ({ header, algorithm }) => {
    const { body, type } = await formBytes()
    const headers = { 'content-type': type, [header]: digest(algorithm, new Uint8Array(3)) }
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body, headers })
    await readProblem(response, 400, 'TUREEN_DIGEST_MISMATCH')
  })

  test('one wrong beside one right, in the same header and across headers', async () => {
    const mixed = `${right256}, ${digest('sha-512', new Uint8Array(3))}`
    await readProblem(await post({ 'content-digest': mixed }), 400, 'TUREEN_DIGEST_MISMATCH')
    const across = { 'content-digest': right256, 'repr-digest': wrong256 }
    await readProblem(await post(across), 400, 'TUREEN_DIGEST_MISMATCH')
  })

  test('a soup is not made of a body that is damaged', async () => {
    await readProblem(await post({ 'content-digest': wrong256 }, '/v1/soup'), 400, 'TUREEN_DIGEST_MISMATCH')
  })
})

describe('a body of JSON', () => {
  const body = '{"models": [{"id": "none"}]}'
  const send = (headers: Record<string, string>, text = body) =>
    fetch(`${app.url}/v1/merges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: text,
    })

  test('must have the digest that it declares', async () => {
    for (const name of ['content-digest', 'repr-digest']) {
      await readProblem(await send({ [name]: digest('sha-256', Buffer.from(body)) }), 404, 'TUREEN_NOT_FOUND')
      await readProblem(await send({ [name]: wrong256 }), 400, 'TUREEN_DIGEST_MISMATCH')
      await readProblem(await send({ [name]: wrong256 }, 'no JSON'), 400, 'TUREEN_DIGEST_MISMATCH')
      await readProblem(await send({ [name]: 'sha-256=abcdef' }), 400, 'TUREEN_REQUEST_INVALID')
    }
  })
})

describe('a digest that is written wrongly is refused, instead of not being verified', () => {
  test.each([
    ['in hexadecimal, without colons', `sha-256=${Buffer.from('a'.repeat(32)).toString('hex')}`],
    ['a token', 'sha-256=abcdef'],
    ['a string', 'sha-256="abcdef"'],
    ['not a dictionary', 'sha-256=:not base64'],
  ])('%s', async (_, header) => {
    await readProblem(await post({ 'content-digest': header }), 400, 'TUREEN_REQUEST_INVALID')
  })

  test.each([
    ['bare', (hex: string) => `sha-256=${hex}`],
    ['between colons, where it would also be base64', (hex: string) => `sha-256=:${hex}:`],
    ['after the name of the algorithm', (hex: string) => `sha256:${hex}`],
    ['in capitals', (hex: string) => `sha-256=${hex.toUpperCase()}`],
  ])('in hexadecimal digits, %s: the refusal has it in base64', async (_, write) => {
    const header = write(createHash('sha256').update(model).digest('hex'))
    const response = await post({ 'content-digest': header })
    const { detail, errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'content-digest', expected: right256, actual: header }])
    expect(detail).toContain('base64')
    expect((await post({ 'content-digest': errors[0]?.expected ?? '' })).status).toBeOneOf([200, 201])
    await fetch(`${app.url}/v1/models/sha256:${createHash('sha256').update(model).digest('hex')}`, { method: 'DELETE' })
  })

  test('of another length', async () => {
    await readProblem(await post({ 'repr-digest': 'sha-512=:AAAA:' }), 400, 'TUREEN_REQUEST_INVALID')
  })
})

describe('a digest that the body has', () => {
  test.each([
    ['sha-256', digest('sha-256', model)],
    ['sha-512', digest('sha-512', model)],
    ['both', `${digest('sha-512', model)}, ${digest('sha-256', model)}`],
    ['one that is known beside one that is not', `md5=:AAAA:, ${right256}`],
    ['only one that is not known', 'crc32c=:AAAAAA==:'],
  ])('lets the upload through: %s', async (_, header) => {
    for (const name of ['content-digest', 'repr-digest'])
      expect((await post({ [name]: header })).status).toBeOneOf([200, 201])
  })

  test('is that of the whole form in a multipart upload', async () => {
    const { body, type } = await formBytes()
    for (const name of ['content-digest', 'repr-digest']) {
      const headers = { 'content-type': type, [name]: digest('sha-512', body) }
      const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body, headers })
      expect(response.status).toBeOneOf([200, 201])
    }
  })

  test('covers what comes after the last boundary, however late', async () => {
    const { body, type } = await formBytes()
    const whole = Buffer.concat([body, Buffer.from('an epilogue')])
    const socket = await openSocket(app.url)
    socket.write(
      `POST /v1/models HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${whole.length}\r\n` +
        `content-digest: ${digest('sha-256', whole)}\r\n\r\n`,
    )
    socket.write(body)
    await delay(200)
    socket.write('an epilogue')
    const { status, body: answer } = await readAnswer(socket)
    expect({ status, answer }).toEqual({ status: expect.toBeOneOf([200, 201]), answer })
  })
})
