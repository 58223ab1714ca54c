import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { converse, expectProblem, openSocket } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterEach(async () => {
  expect((await fetch(`${app.url}/healthz`)).status).toBe(200)
})
afterAll(() => app.close())

const head = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n'

describe('what is not HTTP is answered with a problem all the same', () => {
  test.each([
    ['garbage', 'garbage\r\n\r\n'],
    ['a TLS hello', Buffer.from('160301020001000001fc0303', 'hex')],
    ['a method that there is not', 'FETCH /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    ['a version that there is not', 'GET /healthz HTTP/7.7\r\nhost: localhost\r\n\r\n'],
    ['a header without a colon', `${head}nonsense\r\n\r\n`],
    ['a header with a space before its colon', `${head}accept : */*\r\n\r\n`],
    ['a length that is no number', 'POST /v1/merges HTTP/1.1\r\nhost: localhost\r\ncontent-length: ten\r\n\r\n'],
    ['two lengths', 'POST /v1/merges HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'a length and chunks, as request smugglers send',
      'POST /v1/merges HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('%s', async (_, said) => {
    expectProblem(await converse(app.url, said), 400, 'TUREEN_REQUEST_INVALID')
  })

  test.each([
    '/v1/models/modèle',
    '/v1/models?name=café',
    '/v1/models/x/data/重み.bin',
    '/v1/models?name=a b',
    '/nowhere é',
    'http://localhost/v1/models/é',
  ])('an address that is not percent-encoded, which is told so: %s', async target => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const said = `${method} ${target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\n`
      const { detail, errors } = expectProblem(await converse(app.url, said), 400, 'TUREEN_REQUEST_INVALID')
      expect(detail).toContain('%C3%A9')
      expect(errors).toMatchObject([{ field: 'path', expected: 'percent-encoded UTF-8', actual: target }])
    }
  })

  test('an address that is not percent-encoded, behind another request', async () => {
    const socket = await openSocket(app.url)
    let text = ''
    socket.on('data', chunk => {
      text += chunk
    })
    socket.write(`${head}\r\nGET /v1/models/é HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    await new Promise(resolve => socket.on('close', resolve))
    expect(text).toContain('"actual":"/v1/models/é"')
  })

  test('a chunk whose size is no number', async () => {
    const said =
      'POST /v1/models HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n'
    const answer = await converse(app.url, said)
    expect(answer.status).toBe(400)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  })

  test('a request without Host', async () => {
    expectProblem(await converse(app.url, 'GET /healthz HTTP/1.1\r\n\r\n'), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('an expectation that nobody can meet', async () => {
    const answer = await converse(app.url, `${head}expect: miracles\r\n\r\n`)
    const { errors } = expectProblem(answer, 417, 'TUREEN_EXPECTATION_FAILED')
    expect(errors).toMatchObject([{ field: 'expect', expected: '100-continue', actual: 'miracles' }])
  })
})

describe('headers', () => {
  test('of more than 16 KiB are 431', async () => {
    const answer = await converse(app.url, `${head}x: ${'x'.repeat(20_000)}\r\n\r\n`)
    expectProblem(answer, 431, 'TUREEN_HEADERS_TOO_LARGE')
  })

  test('of more than 16 KiB because of the path are 431', async () => {
    const answer = await converse(app.url, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    expectProblem(answer, 431, 'TUREEN_HEADERS_TOO_LARGE')
  })

  test('of 8 KiB are read', async () => {
    expect(await converse(app.url, `${head}x: ${'x'.repeat(8_000)}\r\n\r\n`)).toMatchObject({ status: 200 })
  })
})

describe('a client of another kind', () => {
  test('that speaks HTTP/1.0 is answered', async () => {
    expect(await converse(app.url, 'GET /healthz HTTP/1.0\r\n\r\n')).toMatchObject({ status: 200 })
  })

  test('that asks for a websocket is answered as if it had not', async () => {
    const answer = await converse(app.url, `${head}connection: upgrade\r\nupgrade: websocket\r\n\r\n`)
    expect(answer).toMatchObject({ status: 200 })
  })

  test('that connects and goes away, or says half a request and resets, troubles nobody', async () => {
    for (const said of [
      '',
      'GET /hea',
      head,
      'POST /v1/merges HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{"mo',
    ]) {
      const socket = await openSocket(app.url)
      if (said) socket.write(said)
      await delay(20)
      socket.resetAndDestroy()
    }
  })

  test('that sends requests one after the other without waiting gets the answers in order', async () => {
    const socket = await openSocket(app.url)
    let text = ''
    socket.on('data', chunk => {
      text += chunk
    })
    socket.write(`${head}\r\nGET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n${head}connection: close\r\n\r\n`)
    await new Promise(resolve => socket.on('close', resolve))
    expect([...text.matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '404', '200'])
  })
})
