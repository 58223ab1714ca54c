import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { externalModel } from '../support/external-model.ts'
import { expectNothingKept, json, readProblem } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { converse, expectProblem } from '../support/raw-http.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let ft0: Buffer<ArrayBuffer>
beforeAll(async () => {
  app = await startApp()
  ft0 = await projectFile('examples/digits/ft0.onnx')
})
afterEach(() => expectNothingKept(app))
afterAll(() => app.close())

const hundredMegabytes = 100_000_000
const formType = 'application/x-www-form-urlencoded'

/** The head of a request and the first 20 KB of its body, after which the client sends nothing. */
function begun(method: string, path: string, first: Uint8Array, type = 'application/octet-stream'): Buffer {
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${hundredMegabytes}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), first])
}

const twentyKilobytes = (start: string, filling = 0) =>
  Buffer.concat([Buffer.from(start, 'latin1'), Buffer.alloc(20_000, filling)])
const zip = twentyKilobytes('PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0e\0\0\0arrays/abc.npy')
const hdf5 = twentyKilobytes('\x89HDF\r\n\x1a\n')
const jsonText = twentyKilobytes('{"weights": "', 0x61)
const gzip = Buffer.concat([gzipSync('model'), Buffer.alloc(20_000)])

/** Posts a body under the content type that curl gives to it by default. */
const postAsForm = (path: string, body: string | Uint8Array<ArrayBuffer>) =>
  fetch(`${app.url}${path}`, { method: 'POST', headers: { 'content-type': formType }, body })

/** What `curl -d @FILE` sends of a file. */
const strippedByCurl = (bytes: Uint8Array) =>
  Buffer.from(bytes.filter(byte => byte !== 0 && byte !== 10 && byte !== 13))

describe('a body that is no model is refused after its first bytes, while the client still has the rest', () => {
  test.each<[string, string, string, Uint8Array, RegExp]>([
    ['a zip file of arrays', 'POST', '/v1/models', zip, /NumPy arrays.*\/v1\/datasets/],
    ['HDF5 by PUT', 'PUT', '/v1/models?name=m', hdf5, /HDF5.*tf2onnx/],
    ['JSON', 'POST', '/v1/models', jsonText, /JSON/],
    ['gzip', 'POST', '/v1/models', gzip, /gunzip/],
    ['a pickle', 'POST', '/v1/models', twentyKilobytes('\x80\x04\x95'), /pickle/],
    ['HTML', 'POST', '/v1/models', twentyKilobytes('<!DOCTYPE html>', 0x20), /HTML/],
  ])('%s', async (_, method, path, first, named) => {
    const { detail } = expectProblem(await converse(app.url, begun(method, path, first)), 400, 'TUREEN_NOT_ONNX')
    expect(detail).toMatch(named)
  })

  test.each<[string, Uint8Array]>([
    ['zeros', twentyKilobytes('')],
    ['noise', Uint8Array.from({ length: 20_000 }, (_, at) => Math.imul(at + 1, 0x9e3779b1) >>> 24)],
    ['sound', twentyKilobytes('RIFF\x24\0\0\x01WAVEfmt ', 0xfb)],
    ['a film', twentyKilobytes('\0\0\0\x18ftypmp42')],
  ])('bytes of no known kind that are no protobuf: %s', async (_, first) => {
    for (const path of ['/v1/models', '/v1/soup'])
      expectProblem(await converse(app.url, begun('POST', path, first)), 400, 'TUREEN_MODEL_MALFORMED')
  })

  const part = (name: string, filename: string) =>
    Buffer.from(`--b\r\ncontent-disposition: form-data; name="${name}"; filename="${filename}"\r\n\r\n`)
  const form = 'multipart/form-data; boundary=b'

  test('a model part of a form', async () => {
    const answer = await converse(
      app.url,
      begun('POST', '/v1/models', Buffer.concat([part('model', 'm.onnx'), hdf5]), form),
    )
    expect(expectProblem(answer, 400, 'TUREEN_NOT_ONNX').detail).toMatch(/HDF5/)
  })

  test('the second model of a soup, which is named', async () => {
    const parts = [part('model', 'a.onnx'), ft0, Buffer.from('\r\n'), part('model', 'b.onnx'), zip]
    const answer = await converse(app.url, begun('POST', '/v1/soup', Buffer.concat(parts), form))
    const { detail, errors } = expectProblem(answer, 400, 'TUREEN_NOT_ONNX')
    expect(detail).toMatch(/b\.onnx.*NumPy arrays/)
    expect(errors?.[0]?.model).toBe('b.onnx')
  })

  test.each([
    ['HDF5', hdf5, /data\.npz is HDF5/],
    ['text', twentyKilobytes('a,b\n', 0x31), /neither an .npz/],
  ])('a data set that is none: %s', async (_, first, named) => {
    const { detail } = expectProblem(
      await converse(app.url, begun('POST', '/v1/datasets', first)),
      400,
      'TUREEN_DATASET_MALFORMED',
    )
    expect(detail).toMatch(named)
  })
})

describe('a form whose content type says otherwise is refused with the content type that it needs', () => {
  const form = Buffer.from('--b-1\r\nContent-Disposition: form-data; name="file"; filename="W.bin"\r\n\r\n')
  test.each(['application/octet-stream', formType])('%s', async type => {
    const { id, missing } = await json<ModelRecord>(
      await fetch(`${app.url}/v1/models`, { method: 'POST', body: externalModel([1, 2, 3, 4], [5, 6]).main }),
    )
    for (const [method, path] of [
      ['POST', '/v1/models'],
      ['POST', '/v1/soup'],
      ['POST', '/v1/datasets'],
      ['PUT', `/v1/models/${id}/data/${encodeURIComponent(missing[0] ?? '')}`],
    ] as const)
      for (const body of [Buffer.concat([form, ft0]), form]) {
        const response = await fetch(`${app.url}${path}`, { method, headers: { 'content-type': type }, body })
        const { errors } = await readProblem(response, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
        expect(errors).toMatchObject([{ expected: 'multipart/form-data; boundary=b-1', actual: type }])
      }
    await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
  })
})

describe('a file that curl -d has changed is refused with the option that does not change it', () => {
  const advice = /curl -d.*curl -T FILE, or --data-binary/
  test.each<[string, () => Uint8Array]>([
    ['large', () => ft0],
    ['small', () => linearModel([1, 2, 3, 4], [5, 6])],
  ])('a %s model', async (_, model) => {
    const body = strippedByCurl(model())
    const response = await postAsForm('/v1/models', body)
    const problem = await readProblem(response, 400, 'TUREEN_BODY_MALFORMED')
    expect(problem.detail).toMatch(advice)
    expect(problem.errors?.[0]).toMatchObject({ field: 'content-type', actual: formType })
  })

  test('a large model, after its first bytes', async () => {
    const first = strippedByCurl(ft0).subarray(0, 20_000)
    const answer = await converse(app.url, begun('POST', '/v1/models', first, formType))
    expect(expectProblem(answer, 400, 'TUREEN_BODY_MALFORMED').detail).toMatch(advice)
  })

  test.each<[string, () => Promise<Uint8Array>]>([
    ['large', () => projectFile('examples/digits/val.npz')],
    ['small', async () => npz({ x: { descr: '<f4', shape: [2], data: Float32Array.of(1, 2) } })],
  ])('a %s data set', async (_, read) => {
    const body = strippedByCurl(await read())
    const response = await postAsForm('/v1/datasets', body)
    expect((await readProblem(response, 400, 'TUREEN_BODY_MALFORMED')).detail).toMatch(advice)
  })

  test('a large data set at the wrong address', async () => {
    const body = strippedByCurl(await projectFile('examples/digits/val.npz'))
    const response = await postAsForm('/v1/models', body)
    expect((await readProblem(response, 400, 'TUREEN_BODY_MALFORMED')).detail).toMatch(advice)
  })

  test('but not text, which is named', async () => {
    const response = await postAsForm('/v1/models', 'name=model')
    expect((await readProblem(response, 400, 'TUREEN_NOT_ONNX')).detail).toMatch(/text that begins with/)
  })
})

test('models of any size are received whole, under the content type of forms as well', async () => {
  for (const model of [linearModel([1, 2, 3, 4], [5, 6]), Uint8Array.from(ft0)]) {
    const response = await postAsForm('/v1/models', model)
    expect(response.status).toBe(201)
    const { id } = Object(await response.json())
    const content = await fetch(`${app.url}/v1/models/${id}/content`)
    expect(Buffer.from(await content.arrayBuffer()).equals(model)).toBe(true)
    await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
  }
})
