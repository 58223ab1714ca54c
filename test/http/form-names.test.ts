import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatasetRecord } from '../../schemas/dataset.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { withOneFilename } from '../../src/http/part-headers.ts'
import { externalModel } from '../support/external-model.ts'
import { json, readProblem } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** Sends a form whose parts have these dispositions. */
function send(path: string, parts: readonly [string, Uint8Array][]): Promise<Response> {
  const body = parts.flatMap(([disposition, content]) => [
    Buffer.from(`--B\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`),
    content,
    Buffer.from('\r\n'),
  ])
  return fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=B' },
    body: Buffer.concat([...body, Buffer.from('--B--\r\n')]),
  })
}

/** A model with data at two locations, one of them with letters that clients encode. */
function modelAt(location: string) {
  const { main, data } = externalModel([1, 2, 3, 4], [5, 6], { W: { location }, b: { location: 'b.bin' } })
  return { main, W: data[location] ?? new Uint8Array(), b: data['b.bin'] ?? new Uint8Array() }
}

describe('filename* wins over filename', () => {
  const file = npz({ x: { descr: '<f4', shape: [2], data: new Uint8Array(8) } })
  test.each([
    ['behind it', `filename="fallback.npz"; filename*=UTF-8''gew%C3%A4hlt.npz`],
    ['before it', `filename*=UTF-8''gew%C3%A4hlt.npz; filename="fallback.npz"`],
    ['before it, without quotes', `filename*=UTF-8''gew%C3%A4hlt.npz; filename=fallback.npz`],
    ['with a quote in the other', `filename="a\\"; filename=b.npz"; filename*=utf-8''gew%C3%A4hlt.npz`],
    ['in Latin-1, with a language', `filename="x.npz"; filename*=ISO-8859-1'de'gew%E4hlt.npz`],
    ['alone', `filename*=UTF-8''gew%C3%A4hlt.npz`],
  ])('%s', async (_, filename) => {
    const response = await send('/v1/datasets', [[`name="data"; ${filename}`, file]])
    expect((await json<DatasetRecord>(response)).files).toMatchObject([{ name: 'gewählt.npz' }])
  })

  test.each(['garbage', "UTF-8''%ZZ.npz", "UTF-8''100%", '"x.npz"', '', "''x.npz"])(
    'unless it is malformed: %s',
    async extended => {
      const x = { descr: '<f4', shape: [2], data: Buffer.from(extended.padEnd(8).slice(-8)) }
      for (const both of [`filename="a.npz"; filename*=${extended}`, `filename*=${extended}; filename="a.npz"`]) {
        const response = await send('/v1/datasets', [[`name="data"; ${both}`, npz({ x })]])
        expect((await json<DatasetRecord>(response)).files).toMatchObject([{ name: 'a.npz' }])
      }
    },
  )

  test('and a name with the word in it is only a name', () => {
    for (const disposition of [
      'form-data; name="filename*"; filename="a"',
      `form-data; name="x; filename*=UTF-8''b"; filename="a"`,
      'form-data; name=a',
    ])
      expect(withOneFilename(disposition)).toBe(disposition)
  })
})

describe('a location that a form has percent-encoded', () => {
  const encoded: [string, string][] = [
    ['weights/W.bin', 'weights%2FW.bin'],
    ['gewichte/ü 1.bin', 'gewichte/%C3%BC%201.bin'],
    ['"W".bin', '%22W%22.bin'],
    ['100%.bin', '100%25.bin'],
    ['a%2Fb', 'a%252Fb'],
  ]
  test.each(encoded)('%s is found, sent as %s', async (location, sent) => {
    const { main, W, b } = modelAt(location)
    const parts: [string, Uint8Array][] = [
      ['name="model"; filename="m.onnx"', main],
      [`name="data"; filename="${sent}"`, W],
      ['name="data"; filename="b.bin"', b],
    ]
    const record = await json<ModelRecord>(await send('/v1/models', parts))
    expect(record).toMatchObject({ status: 'complete', missing: [] })
    expect(record.files.map(file => file.location)).toContain(location)
    const whole = linearModel([1, 2, 3, 4], [5, 6])
    const soup = await send('/v1/soup', [...parts, ['name="model"; filename="n.onnx"', whole]])
    expect(soup.status).toBe(200)
  })

  test.each(encoded)('%s is the plain name if the model names that: %s', async (_, sent) => {
    const { main, W, b } = modelAt(sent)
    const response = await send('/v1/models', [
      ['name="model"; filename="m.onnx"', main],
      [`name="data"; filename="${sent}"`, W],
      ['name="data"; filename="b.bin"', b],
    ])
    const record = await json<ModelRecord>(response)
    expect(record.files.map(file => file.location)).toContain(sent)
  })

  test('is decoded once, and not twice', async () => {
    const { main, W } = modelAt('a/b')
    const response = await send('/v1/models', [
      ['name="model"; filename="m.onnx"', main],
      ['name="data"; filename="a%252Fb"', W],
    ])
    const { errors } = await readProblem(response, 404, 'TUREEN_NOT_FOUND')
    expect(errors).toMatchObject([{ location: 'a%252Fb' }])
  })

  test('does not stand in for a file that was sent, too', async () => {
    const { main, W } = modelAt('a/b')
    const response = await send('/v1/models', [
      ['name="model"; filename="m.onnx"', main],
      ['name="data"; filename="a%2Fb"', W],
      ['name="data"; filename="a/b"', W],
    ])
    await readProblem(response, 404, 'TUREEN_NOT_FOUND')
  })

  test('of a file that is no model is refused as what it is', async () => {
    const parts: [string, Uint8Array][] = [
      ['name="model"; filename="m.onnx"', Buffer.from('nothing')],
      ['name="data"; filename="a%2Fb"', new Uint8Array(4)],
    ]
    for (const path of ['/v1/models', '/v1/soup']) expect((await send(path, parts)).status).toBe(400)
  })
})

describe('names of form parts', () => {
  test('are read decoded if the plain name is none', async () => {
    const model = linearModel([1, 2], [3])
    const response = await send('/v1/models', [['name="m%6Fdel"; filename="m.onnx"', model]])
    expect(response.status).toBe(201)
    const unknown = await send('/v1/models', [['name="m%256Fdel"; filename="m.onnx"', model]])
    const { errors } = await readProblem(unknown, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'm%256Fdel' }])
  })
})

describe('content-disposition', () => {
  test.each(['org/model', 'org\\model', '../x', 'C:\\x'])('of a model called %s has no slash', async name => {
    const { id } = await json<ModelRecord>(
      await fetch(`${app.url}/v1/models?name=${encodeURIComponent(name)}`, {
        method: 'POST',
        body: linearModel([1], [2]),
      }),
    )
    const response = await fetch(`${app.url}/v1/models/${id}/content`)
    const disposition = response.headers.get('content-disposition') ?? ''
    expect(disposition).toMatch(/^attachment; filename="/)
    expect(decodeURIComponent(disposition)).not.toMatch(/[\\/]/)
  })
})
