import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { externalModel } from '../support/external-model.ts'
import { expectNothingKept, json, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { openSocket, readAnswer } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const weights = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)
const modelAt = (location: string) =>
  externalModel([1, 2, 3, 4], [5, 6], { W: { location }, b: { location: 'b.bin' } }).main
let names = 0
/** A record of its own: the same bytes under another name. */
function waiting(location: string) {
  names += 1
  return uploadModel(app.url, modelAt(location), `name=${names}`)
}
const dataPath = (id: string, path: string) => `${app.url}/v1/models/${id}/data/${path}`

/** A path that no client resolves before it sends it. */
async function putAsIs(id: string, path: string): Promise<number> {
  const socket = await openSocket(app.url)
  socket.write(
    `PUT /v1/models/${id}/data/${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${weights.byteLength}\r\n\r\n`,
  )
  socket.write(weights)
  return (await readAnswer(socket)).status
}

describe('a location stands in the path', () => {
  const plain = [
    'W.bin',
    'a/b.bin',
    'a//b',
    '/abs',
    '//abs',
    'dir/',
    'a/b/',
    'dir//',
    '/',
    'a b?c#d',
    'ü/ß',
    '50%',
    'a%2Fb',
  ]
  test.each(plain)('with its slashes: %s', async location => {
    const { id } = await waiting(location)
    const url = dataPath(id, location.split('/').map(encodeURIComponent).join('/'))
    expect((await fetch(url, { method: 'PUT', body: weights })).status).toBe(200)
    const { missing } = await json<{ missing: string[] }>(await fetch(`${app.url}/v1/models/${id}`))
    expect(missing).toEqual(['b.bin'])
    expect(new Uint8Array(await (await fetch(url)).arrayBuffer())).toEqual(weights)
    expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe('16')
    // A query is no part of the location, and one that nobody knows is refused.
    expect((await fetch(`${url}?x=/`, { method: 'HEAD' })).status).toBe(400)
  })

  test.each([...plain, './x', '../x', 'a/../x', 'a/./x', 'x/..', '../../../x', 'a'.repeat(4096)])(
    'as one percent-encoded segment: %s',
    async location => {
      const { id } = await waiting(location)
      const url = dataPath(id, encodeURIComponent(location))
      expect((await fetch(url, { method: 'PUT', body: weights })).status).toBe(200)
      expect(new Uint8Array(await (await fetch(url)).arrayBuffer())).toEqual(weights)
    },
  )

  test.each(['./x', '../x', 'a/../x', '..'])('as it is, from a client that sends it so: %s', async location => {
    const { id } = await waiting(location)
    expect(await putAsIs(id, location)).toBe(200)
  })

  test('resolved by the client it is refused, and told how to write it', async () => {
    const { id } = await waiting('./weights/W.bin')
    const response = await fetch(dataPath(id, './weights/W.bin'), { method: 'PUT', body: weights })
    const { detail } = await readProblem(response, 404, 'TUREEN_NOT_FOUND')
    expect(detail).toContain(encodeURIComponent('./weights/W.bin'))
  })

  test('with a slash too many it is another one', async () => {
    const { id } = await waiting('W.bin')
    const response = await fetch(dataPath(id, 'W.bin/'), { method: 'PUT', body: weights })
    const { errors } = await readProblem(response, 404, 'TUREEN_NOT_FOUND')
    expect(errors).toMatchObject([{ location: 'W.bin/' }])
  })
})

describe('a data file that is not here', () => {
  test.each(['GET', 'HEAD'])('but that the model waits for is 409 for %s', async method => {
    const { id } = await waiting('weights/W.bin')
    const response = await fetch(dataPath(id, 'weights/W.bin'), { method })
    expect(response.status).toBe(409)
    if (method === 'HEAD') return
    const { detail, errors } = await readProblem(response, 409, 'TUREEN_MODEL_INCOMPLETE')
    expect(errors).toMatchObject([{ model: id, message: expect.stringContaining('weights/W.bin') }])
    const [, path] = /PUT (\S+)\.$/.exec(detail) ?? []
    expect((await fetch(`${app.url}${path}`, { method: 'PUT', body: weights })).status).toBe(200)
    expect((await fetch(dataPath(id, 'weights/W.bin'))).status).toBe(200)
  })

  test('and that no tensor lies in is 404', async () => {
    const { id } = await waiting('W.bin')
    await readProblem(await fetch(dataPath(id, 'other.bin')), 404, 'TUREEN_NOT_FOUND')
  })
})

describe('a location that is too long', () => {
  let empty: Awaited<ReturnType<typeof startApp>>
  beforeAll(async () => {
    empty = await startApp()
  })
  afterAll(() => empty.close())

  test.each([4097, 65_536, 65_537, 200_000])('is refused, the tensor named: %i characters', async length => {
    const body = modelAt('l'.repeat(length))
    const response = await fetch(`${empty.url}/v1/models`, { method: 'POST', body })
    const { status, code, detail, errors } = await json<Record<string, unknown>>(response)
    expect({ status, code }).toEqual(
      length > 65_536 ? { status: 422, code: 'TUREEN_MODEL_LIMIT' } : { status: 400, code: 'TUREEN_MODEL_MALFORMED' },
    )
    expect(errors).toMatchObject([{ tensor: length > 65_536 ? 'graph.initializer[0]' : 'W' }])
    expect(String(detail).length).toBeLessThan(500)
    await expectNothingKept(empty)
  })

  test('is that of one of several models of a soup, which is named', async () => {
    const form = new FormData()
    form.append('model', new Blob([linearModel([1, 2, 3, 4], [5, 6])]), 'first.onnx')
    form.append('model', new Blob([modelAt('l'.repeat(70_000))]), 'second.onnx')
    const response = await fetch(`${app.url}/v1/soup`, { method: 'POST', body: form })
    const { errors } = await readProblem(response, 422, 'TUREEN_MODEL_LIMIT')
    expect(errors).toMatchObject([{ model: 'second.onnx', tensor: 'graph.initializer[0]' }])
  })
})

describe('a location that is not UTF-8', () => {
  /** The location W.bin with another byte in place of its W. */
  const broken = (...bytes: number[]) => {
    const model = Buffer.from(modelAt(`${'W'.repeat(bytes.length)}.bin`))
    model.set(bytes, model.indexOf(`${'W'.repeat(bytes.length)}.bin`))
    return Uint8Array.from(model)
  }

  test.each([
    ['a byte that is no text', [0xff]],
    ['a letter of Latin-1', [0xe9]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a byte that continues nothing', [0x80]],
    ['U+FFFD, which stands for such bytes', [0xef, 0xbf, 0xbd]],
  ])('is refused: %s', async (_, bytes) => {
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body: broken(...bytes) })
    const { detail, errors } = await readProblem(response, 400, 'TUREEN_MODEL_MALFORMED')
    expect(detail).toMatch(/not UTF-8/)
    expect(errors).toMatchObject([{ tensor: 'W' }])
  })

  test('while one in any other script is not', async () => {
    const { missing } = await waiting('gewï\u0308cht/重み.bin')
    expect(missing).toContain('gewï\u0308cht/重み.bin')
  })
})
