import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { converse, expectProblem } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const lengths: [string, string, string][] = [
  ['without a length', '', ''],
  ['of length 0', 'content-length: 0\r\n', ''],
  ['in chunks', 'transfer-encoding: chunked\r\n', '0\r\n\r\n'],
  ['in chunks, with a trailer', 'transfer-encoding: chunked\r\n', '0\r\nx-a: b\r\n\r\n'],
]
const types = [
  undefined,
  'application/json',
  'text/plain',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'nonsense',
]
const empty = lengths.flatMap(([length, header, body]) =>
  types.map(type => ({
    length,
    type: type ?? 'no content type',
    headers: `${header}${type === undefined ? '' : `content-type: ${type}\r\n`}`,
    body,
  })),
)

function send(line: string, headers: string, body: string) {
  return converse(app.url, `${line} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n${body}`)
}

describe('an empty body', () => {
  test.each(empty)('$length, $type: cancels a job', async ({ headers, body }) => {
    const answer = await send('POST /v1/jobs/none/cancel', headers, body)
    // The path is looked at, so the body was none.
    expectProblem(answer, 404, 'TUREEN_NOT_FOUND')
  })

  test('deletes a record, whatever it says of itself', async () => {
    for (const [index, { headers, body }] of empty.entries()) {
      const { id } = await uploadModel(app.url, linearModel([1, 2], [index]))
      const { status, text } = await send(`DELETE /v1/models/${id}`, headers, body)
      expect({ status, text, headers }).toMatchObject({ status: 204 })
    }
  })

  test.each(empty)('$length, $type: is missed where JSON is needed', async ({ headers, body }) => {
    const { errors } = expectProblem(await send('POST /v1/merges', headers, body), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'body', expected: 'JSON' }])
  })

  test('in chunks is waited for by a client that asks first', async () => {
    const headers = 'transfer-encoding: chunked\r\nexpect: 100-continue\r\n'
    const { text } = await send('POST /v1/jobs/none/cancel', headers, '0\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 404 /)
  })
})

describe('a body that is not empty', () => {
  const chunked = 'transfer-encoding: chunked\r\n'

  test.each([
    ['text/plain, of a length', 'content-length: 2\r\ncontent-type: text/plain\r\n', '{}'],
    ['text/plain, in chunks', `${chunked}content-type: text/plain\r\n`, '2\r\n{}\r\n0\r\n\r\n'],
    ['no type, of a length', 'content-length: 2\r\n', '{}'],
    ['no type, in chunks', chunked, '2\r\n{}\r\n0\r\n\r\n'],
  ])('still needs a type that the route takes: %s', async (_, headers, body) => {
    for (const line of ['POST /v1/jobs/none/cancel', 'DELETE /v1/models/none', 'POST /v1/merges'])
      expectProblem(await send(line, headers, body), 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
  })

  test.each([
    ['of a length', 'content-length: 2\r\n'],
    ['in chunks', chunked],
  ])('of another type is not invited: %s', async (_, length) => {
    const headers = `${length}content-type: text/plain\r\nexpect: 100-continue\r\n`
    const answer = await send('POST /v1/merges', headers, '')
    expectProblem(answer, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
  })

  test('of JSON is read as before, also by cancel', async () => {
    const json = 'content-type: application/json; charset=utf-8\r\n'
    for (const [length, body] of [
      ['content-length: 2\r\n', '{}'],
      [chunked, '2\r\n{}\r\n0\r\n\r\n'],
    ] as const)
      expectProblem(await send('POST /v1/jobs/none/cancel', `${json}${length}`, body), 404, 'TUREEN_NOT_FOUND')
  })
})
