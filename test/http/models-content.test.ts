import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { bigModel } from '../support/big-model.ts'
import { readProblem, sha256, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let ft0: Buffer<ArrayBuffer>
let model: ModelRecord
let etag: string

beforeAll(async () => {
  app = await startApp()
  ft0 = await projectFile('examples/digits/ft0.onnx')
  model = await uploadModel(app.url, ft0, 'name=digits.onnx')
  etag = (await get({})).headers.get('etag') ?? ''
})
afterAll(() => app.close())

function get(headers: Record<string, string>, id = model.id): Promise<Response> {
  return fetch(`${app.url}/v1/models/${id}/content`, { headers })
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

/** openssl dgst -sha256 -binary examples/digits/ft0.onnx | base64 */
const reprDigest = 'sha-256=:FXv/K+7pEB4ji67tGe8gZZaOTAyRh9uoV+vUHj3M7Oc=:'

describe('the whole', () => {
  test('is the file byte for byte, with its digest, length and name', async () => {
    const response = await get({})
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '159308',
      'accept-ranges': 'bytes',
      'repr-digest': reprDigest,
      etag: expect.stringMatching(/^"[^"]+"$/),
      'content-disposition': expect.stringContaining('filename="digits.onnx"'),
    })
    expect(ft0.equals(await bytesOf(response))).toBe(true)
  })

  test('is found by digest, too', async () => {
    expect(sha256(await bytesOf(await get({}, model.sha256)))).toBe(model.sha256.replace('sha256:', ''))
  })

  test('HEAD answers the same headers and no body', async () => {
    const whole = await get({})
    await whole.arrayBuffer()
    const head = await fetch(`${app.url}/v1/models/${model.id}/content`, { method: 'HEAD' })
    expect(head.status).toBe(200)
    for (const name of [
      'content-length',
      'content-type',
      'etag',
      'accept-ranges',
      'repr-digest',
      'content-disposition',
    ])
      expect(head.headers.get(name)).toBe(whole.headers.get(name))
    expect(await head.text()).toBe('')
  })

  test('of a model with a difficult name has it whole in Content-Disposition', async () => {
    const name = 'soupe "à l’oignon"\r\n;%.onnx'
    const { id } = await uploadModel(app.url, linearModel([1, 2], [3, 4]), `name=${encodeURIComponent(name)}`)
    const response = await get({}, id)
    const disposition = response.headers.get('content-disposition') ?? ''
    expect(response.status).toBe(200)
    expect(decodeURIComponent(/filename\*=UTF-8''([^;]*)/.exec(disposition)?.[1] ?? '')).toBe(name)
    expect(disposition).toMatch(/filename="[ !#-[\]-~]*"/)
  })
})

describe('Range', () => {
  test.each([
    ['bytes=0-0', 0, 0],
    ['bytes=100-199', 100, 199],
    ['bytes=159300-', 159_300, 159_307],
    ['bytes=0-', 0, 159_307],
    ['bytes=-10', 159_298, 159_307],
    ['bytes=-999999', 0, 159_307],
    ['bytes=159307-999999', 159_307, 159_307],
    ['bytes=0-159307', 0, 159_307],
  ])('%s answers 206 with bytes %i to %i', async (range, start, end) => {
    const response = await get({ range })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/159308`)
    expect(response.headers.get('content-length')).toBe(String(end - start + 1))
    expect(response.headers.get('repr-digest')).toBe(reprDigest)
    expect(response.headers.get('etag')).toBe(etag)
    expect(ft0.subarray(start, end + 1).equals(await bytesOf(response))).toBe(true)
  })

  test.each(['bytes=159308-', 'bytes=200000-300000', 'bytes=-0'])('%s lies beyond: 416 with the size', async range => {
    const response = await get({ range })
    expect(response.headers.get('content-range')).toBe('bytes */159308')
    await readProblem(response, 416, 'TUREEN_RANGE_NOT_SATISFIABLE')
  })

  test.each(['bytes=abc-def', 'bytes', 'lines=1-2', 'bytes='])(
    '%s is not understood and answered with the whole',
    async range => {
      const response = await get({ range })
      expect({ status: response.status, bytes: (await bytesOf(response)).length }).toEqual({
        status: 200,
        bytes: 159_308,
      })
    },
  )

  test('several ranges are answered whole, or as multipart/byteranges', async () => {
    const response = await get({ range: 'bytes=0-1,10-11' })
    if (response.status === 206) expect(response.headers.get('content-type')).toMatch(/^multipart\/byteranges/)
    else
      expect({ status: response.status, bytes: (await bytesOf(response)).length }).toEqual({
        status: 200,
        bytes: 159_308,
      })
  })

  test('a download in pieces puts the file together again', async () => {
    const pieces: Buffer[] = []
    for (let offset = 0; offset < 159_308; offset += 50_000)
      pieces.push(await bytesOf(await get({ range: `bytes=${offset}-${offset + 49_999}`, 'if-range': etag })))
    expect(ft0.equals(Buffer.concat(pieces))).toBe(true)
  })

  test.each([
    ['another ETag', '"0000"'],
    ['a weak one', 'W/"0000"'],
    ['a date', 'Wed, 21 Oct 2015 07:28:00 GMT'],
  ])('with If-Range of %s is answered with the whole', async (_, ifRange) => {
    const response = await get({ range: 'bytes=0-9', 'if-range': ifRange })
    expect({ status: response.status, bytes: (await bytesOf(response)).length }).toEqual({
      status: 200,
      bytes: 159_308,
    })
  })
})

describe('If-None-Match', () => {
  test.each([
    ['the ETag', () => etag],
    ['the ETag, weak', () => `W/${etag}`],
    ['a list with it', () => `"0000", ${etag}`],
    ['any', () => '*'],
  ])('with %s answers 304 without a body', async (_, header) => {
    const response = await get({ 'if-none-match': header() })
    expect(response.status).toBe(304)
    expect(response.headers.get('etag')).toBe(etag)
    expect(await response.text()).toBe('')
  })

  test('with another ETag answers the whole', async () => {
    const response = await get({ 'if-none-match': '"0000"' })
    expect({ status: response.status, bytes: (await bytesOf(response)).length }).toEqual({
      status: 200,
      bytes: 159_308,
    })
  })
})

test('a client that hangs up during a download does not trouble the server', async () => {
  const big = await uploadModel(app.url, bigModel(1 << 21))
  await new Promise<void>(resolve => {
    const download = request(`${app.url}/v1/models/${big.id}/content`, response => {
      response.once('data', () => {
        response.destroy()
        resolve()
      })
    })
    download.end()
  })
  expect((await get({})).status).toBe(200)
})
