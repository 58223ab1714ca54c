import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { expectNothingKept, json, modelForm, postSoup, readProblem } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let ft0: Buffer<ArrayBuffer>
beforeAll(async () => {
  app = await startApp()
  ft0 = await projectFile('examples/digits/ft0.onnx')
})
afterEach(() => expectNothingKept(app))
afterAll(() => app.close())

const lfsPointer =
  'version https://git-lfs.github.com/spec/v1\n' +
  'oid sha256:157bff2beee9101e238baeed19ef2065968e4c0c9187dba857ebd41e3dccece7\nsize 159308\n'
const html = '<!DOCTYPE html>\n<html><head><title>Not found</title></head><body>404</body></html>\n'

const impostors: [what: string, body: () => Promise<Buffer<ArrayBuffer>>, named: RegExp][] = [
  ['an empty body', async () => Buffer.alloc(0), /empty/i],
  ['a Git LFS pointer', async () => Buffer.from(lfsPointer), /git.?lfs/i],
  ['an HTML page', async () => Buffer.from(html), /html/i],
  ['a gzipped model', async () => gzipSync(ft0), /gzip/i],
  ['a zip archive', () => projectFile('examples/digits/val.npz'), /zip/i],
]

/** Bytes that look random and are the same at every run. */
function noise(length: number, seed: number): Buffer<ArrayBuffer> {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  }
  return Buffer.from(Uint8Array.from({ length }, next))
}

function post(body: Buffer<ArrayBuffer> | Uint8Array<ArrayBuffer> | FormData): Promise<Response> {
  return fetch(`${app.url}/v1/models`, { method: 'POST', body })
}

/** Refused as no model, or as a broken one. */
async function expectRefused(response: Response): Promise<void> {
  const problem = await json<ProblemDocument>(response)
  expect({ ...problem, status: response.status }).toMatchObject({ status: 400 })
  expect(problem.code).toBeOneOf(['TUREEN_NOT_ONNX', 'TUREEN_MODEL_MALFORMED'])
}

describe('what is well known not to be ONNX is called by its name', () => {
  test.each(impostors)('%s, raw', async (_, body, named) => {
    const { detail } = await readProblem(await post(await body()), 400, 'TUREEN_NOT_ONNX')
    expect(detail).toMatch(named)
  })

  test.each(impostors)('%s, multipart', async (_, body, named) => {
    const { detail } = await readProblem(await post(modelForm([await body()])), 400, 'TUREEN_NOT_ONNX')
    expect(detail).toMatch(named)
  })

  test.each(impostors)('%s, as the second model of a soup, which is named', async (_, body, named) => {
    const problem = await readProblem(await postSoup(app.url, [ft0, await body()]), 400, 'TUREEN_NOT_ONNX')
    expect(problem.detail).toMatch(named)
    expect(JSON.stringify(problem)).toContain('model-1.onnx')
  })
})

describe('what happens not to be ONNX is refused all the same', () => {
  test.each([
    ['a line of text', Buffer.from('hello, this is a model, honestly\n')],
    ['a Python script', Buffer.from('import torch\nprint(torch.__version__)\n')],
    ['one byte', Buffer.from([8])],
    ['an ONNX header and no more', Buffer.from('0807120770797463', 'hex')],
    ['zeros', Buffer.alloc(4096)],
    ['a PNG', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
    ['an ONNX tensor (input_0.pb)', Buffer.from('080210014a080000803f00000040', 'hex')],
  ])('%s', async (_, body) => {
    await expectRefused(await post(body))
  })

  test('random bytes', async () => {
    for (let seed = 1; seed <= 20; seed += 1) await expectRefused(await post(noise(1 << (seed % 12), seed)))
  })
})

describe('a model that was cut off is refused', () => {
  test.each([1, 100, 500, 5_000, 80_000, 159_000, 159_270])('after %i bytes of a real one', async length => {
    await expectRefused(await post(ft0.subarray(0, length)))
  })

  test('after any number of bytes of a small one', async () => {
    const model = linearModel([1, 2, 3, 4], [5, 6])
    const accepted: number[] = []
    for (let length = 1; length < model.length; length += 1) {
      const response = await post(model.slice(0, length))
      if (response.status === 400) await response.arrayBuffer()
      else {
        accepted.push(length)
        const { id } = await json<{ id: string }>(response)
        await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
      }
    }
    expect({ bytes: model.length, accepted }).toEqual({ bytes: model.length, accepted: [] })
  })
})
