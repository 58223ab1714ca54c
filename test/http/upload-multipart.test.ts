import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { expectNothingKept, json, modelForm, readProblem } from '../support/http-client.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let ft0: Buffer<ArrayBuffer>
let ft1: Buffer<ArrayBuffer>

beforeAll(async () => {
  app = await startApp()
  ft0 = await projectFile('examples/digits/ft0.onnx')
  ft1 = await projectFile('examples/digits/ft1.onnx')
})
afterAll(() => app.close())

function post(body: FormData): Promise<Response> {
  return fetch(`${app.url}/v1/models`, { method: 'POST', body })
}

/** A body that no FormData would make. */
function postText(body: string | Buffer<ArrayBuffer>, type = 'multipart/form-data; boundary=B'): Promise<Response> {
  const signal = AbortSignal.timeout(3_000)
  return fetch(`${app.url}/v1/models`, { method: 'POST', body, headers: { 'content-type': type }, signal })
}

function part(name: string, content: Buffer, header = '; filename="a.onnx"'): Buffer<ArrayBuffer> {
  return Buffer.concat([
    Buffer.from(`--B\r\ncontent-disposition: form-data; name="${name}"${header}\r\n\r\n`),
    content,
    Buffer.from('\r\n'),
  ])
}

describe('forms that do not hold one model', () => {
  afterEach(() => expectNothingKept(app))

  test('two model parts are refused', async () => {
    const { detail } = await readProblem(await post(modelForm([ft0, ft1])), 400, 'TUREEN_REQUEST_INVALID')
    expect(detail).toContain('model')
  })

  test('no part at all is refused', async () => {
    await readProblem(await postText('--B--\r\n'), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('a part of another name is refused, named', async () => {
    const form = new FormData()
    form.append('file', new Blob([ft0]), 'a.onnx')
    const { errors } = await readProblem(await post(form), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'file' }])
  })

  test('a text field beside the model is refused, named', async () => {
    const form = modelForm([ft0])
    form.append('name', 'digits')
    const { errors } = await readProblem(await post(form), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'name' }])
  })

  test('a form without a boundary is refused', async () => {
    const response = await postText(part('model', ft0), 'multipart/form-data')
    await readProblem(response, 400, 'TUREEN_BODY_MALFORMED')
  })

  test('a content type that names no boundary is refused as such', async () => {
    const response = await postText(part('model', ft0), 'multipart/form-data; charset=utf-8')
    const { errors } = await readProblem(response, 400, 'TUREEN_BODY_MALFORMED')
    expect(errors).toMatchObject([{ field: 'content-type', expected: expect.stringContaining('boundary=') }])
  })

  test.each(['other', '', "'B'", '--B'])(
    'a boundary that the body does not have is refused as such: %s',
    async boundary => {
      const type = `multipart/form-data; boundary=${boundary}`
      const response = await postText(Buffer.concat([part('model', ft0), Buffer.from('\r\n--B--\r\n')]), type)
      const { errors } = await readProblem(response, 400, 'TUREEN_BODY_MALFORMED')
      expect(errors).toMatchObject([{ field: 'content-type', expected: type }])
    },
  )

  test.each([' ', ', ', '  '])('a boundary after "%s" is refused, and told that a semicolon is missing', async gap => {
    const response = await postText(part('model', ft0), `multipart/form-data${gap}boundary=B`)
    const { detail, errors } = await readProblem(response, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
    expect(errors).toMatchObject([{ field: 'content-type', expected: 'multipart/form-data; boundary=B' }])
    expect(detail).toContain('semicolon')
  })

  test('a form whose last boundary never comes is refused', async () => {
    await readProblem(await postText(part('model', ft0)), 400, 'TUREEN_BODY_MALFORMED')
  })

  test('a form that ends inside the model is refused', async () => {
    const half = part('model', ft0).subarray(0, 90_000)
    await readProblem(await postText(half), 400, 'TUREEN_BODY_MALFORMED')
  })

  test('a part with broken headers is refused', async () => {
    await readProblem(await postText('--B\r\nno colon here\r\n\r\nx\r\n--B--\r\n'), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('a body that is no form at all is refused', async () => {
    await readProblem(await postText(ft0), 400, 'TUREEN_BODY_MALFORMED')
  })
})

describe('one model part', () => {
  test('gives the same record as the raw bytes would', async () => {
    const response = await post(modelForm([ft0]))
    const record = await json<ModelRecord>(response)
    expect(response.status).toBe(201)
    expect(response.headers.get('location')).toBe(`/v1/models/${record.id}`)
    expect(record).toMatchObject({
      name: null,
      sha256: 'sha256:157bff2beee9101e238baeed19ef2065968e4c0c9187dba857ebd41e3dccece7',
      bytes: 159_308,
      parameters: 39_306,
    })
    const raw = await fetch(`${app.url}/v1/models`, { method: 'POST', body: ft0 })
    expect(raw.status).toBe(200)
    expect(await json(raw)).toEqual(record)
  })

  test('need not have a filename if it says it is a file', async () => {
    const untyped = Buffer.concat([
      part('model', ft1, '\r\ncontent-type: application/octet-stream'),
      Buffer.from('--B--\r\n'),
    ])
    const response = await postText(untyped)
    expect({ status: response.status, body: await json(response) }).toMatchObject({
      status: 201,
      body: { bytes: 159_308 },
    })
  })

  test('may have a preamble before and an epilogue after it', async () => {
    const body = Buffer.concat([Buffer.from('preamble\r\n'), part('model', ft0), Buffer.from('--B--\r\nepilogue')])
    expect((await postText(body)).status).toBe(200)
  })
})
