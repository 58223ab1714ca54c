import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutPath } from '../../src/http/sent-filename.ts'
import { json, readProblem } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** A form of one file part. `filename` is written as it is, with what stands around it. */
function send(path: string, content: Uint8Array, filename: string): Promise<Response> {
  const head = `--B\r\ncontent-disposition: form-data; name="model"; ${filename}\r\n\r\n`
  return fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=B' },
    body: Buffer.concat([Buffer.from(head), content, Buffer.from('\r\n--B--\r\n')]),
  })
}

const paths: [string, string | undefined][] = [
  ['x.onnx', 'x.onnx'],
  ['../../x.onnx', 'x.onnx'],
  ['..\\..\\x.onnx', 'x.onnx'],
  ['a/../x.onnx', 'x.onnx'],
  ['./x.onnx', 'x.onnx'],
  ['/etc/x.onnx', 'x.onnx'],
  ['\\\\server\\share\\x.onnx', 'x.onnx'],
  ['C:\\fakepath\\x.onnx', 'x.onnx'],
  ['C:x.onnx', 'x.onnx'],
  ['a//x.onnx', 'x.onnx'],
  ['..x.onnx', '..x.onnx'],
  ['org/x.onnx', 'org/x.onnx'],
  ['test_data_set_0\\input_0.pb', 'test_data_set_0\\input_0.pb'],
  ['..', undefined],
  ['../..', undefined],
  ['../', undefined],
  ['/', undefined],
  ['C:', undefined],
  ['', undefined],
]

test.each(paths)('the filename %j is read as %j', (sent, expected) => {
  expect(withoutPath(sent)).toBe(expected)
})

describe('a filename loses its path', () => {
  const forms = (filename: string) => [
    `filename="${filename.replaceAll('\\', '\\\\')}"`,
    `filename*=UTF-8''${encodeURIComponent(filename)}`,
  ]

  test('in a data set, and one that is left empty is the usual one', async () => {
    let sets = 0
    for (const [sent, expected] of [
      ['../../x.npz', 'x.npz'],
      ['..\\x.npz', 'x.npz'],
      ['../..', 'data.npz'],
    ] as const)
      for (const filename of forms(sent)) {
        // The same content again would be the first record.
        const file = npz({ x: { descr: '<f4', shape: [1], data: Float32Array.of(sets++) } })
        const { files } = await json<{ files: { name: string }[] }>(await send('/v1/datasets', file, filename))
        expect({ filename, files }).toMatchObject({ files: [{ name: expected }] })
      }
  })

  test('in what errors call a model', async () => {
    for (const [sent, expected] of [
      ['../../x.onnx', 'x.onnx'],
      ['..\\x.onnx', 'x.onnx'],
      ['..', 'model part 1'],
    ] as const)
      for (const filename of forms(sent)) {
        const { errors } = await readProblem(await send('/v1/soup', Buffer.from('x'), filename), 400, 'TUREEN_NOT_ONNX')
        expect(errors).toMatchObject([{ model: expected }])
      }
  })
})
