import onnxProto from 'onnx-proto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { modelBytesAt, resultOf, uploadInFiles } from '../support/external-client.ts'
import type { ModelInFiles } from '../support/external-model.ts'
import { json, merge, readProblem } from '../support/http-client.ts'
import { elementType, linearModel } from '../support/onnx-model.ts'
import { tensorsOf } from '../support/onnx-oracle.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

type Bytes = Uint8Array<ArrayBuffer>

const upload = (model: ModelInFiles) => uploadInFiles(app.url, model)
const bytesAt = (path: string) => modelBytesAt(app.url, path)

describe('a Constant whose value lies in another file', () => {
  const floats = (...values: number[]): Bytes => new Uint8Array(Float32Array.from(values).buffer)

  /** y = x W + b, b the value of a Constant. */
  function model(bias: readonly [number, number]): ModelInFiles {
    const main = linearModel([1, 2, 3, 4], bias, ({ graph }) => {
      graph.initializer?.pop()
      const externalData = [
        { key: 'location', value: 'constants/b.bin' },
        { key: 'offset', value: '4' },
        { key: 'length', value: '8' },
      ]
      const t = { name: '', dims: [2], dataType: elementType.float32, dataLocation: 1, externalData }
      graph.node?.unshift({
        name: 'constant',
        opType: 'Constant',
        output: ['b'],
        attribute: [{ name: 'value', type: 4, t }],
      })
    })
    return { main, data: { 'constants/b.bin': floats(99, ...bias, 99) } }
  }

  test('is averaged, and downloaded in that file or inside', async () => {
    const [a, b] = [model([10, 20]), model([30, 50])]
    const models = [{ id: await upload(a) }, { id: await upload(b) }]
    const job = await merge(app.url, { models, provenance: false })
    expect(job.result?.report.tensors).toEqual({ averaged: 1, copied: 1, nonFloat: 0 })
    const id = resultOf(job)
    expect(await bytesAt(`${id}/data/constants/b.bin`)).toEqual(floats(99, 20, 35, 99))
    expect(await bytesAt(`${id}/content`)).toEqual(a.main)
    const inline = await bytesAt(`${id}/content?external=inline`)
    const constant = tensorsOf(inline).find(({ name }) => name === 'b')
    expect(constant).toMatchObject({ path: 'graph.node[0].attribute[0].t', external: false, dims: [2] })
    expect(constant?.bytes).toEqual(Buffer.from(floats(20, 35)))
    const [node] = onnxProto.onnx.ModelProto.decode(inline).graph?.node ?? []
    expect(node?.attribute?.[0]?.t?.externalData).toEqual([])
  })

  test('is missing until it is sent, and named by the output of the Constant', async () => {
    const { main } = model([1, 1])
    const response = await fetch(`${app.url}/v1/models?name=waiting`, { method: 'POST', body: main })
    const { id, missing } = await json<{ id: string; missing: string[] }>(response)
    expect(missing).toEqual(['constants/b.bin'])
    const short = await fetch(`${app.url}/v1/models/${id}/data/constants/b.bin`, { method: 'PUT', body: floats(1, 2) })
    const { errors } = await readProblem(short, 400, 'TUREEN_MODEL_MALFORMED')
    expect(errors).toMatchObject([{ tensor: 'b' }])
  })
})
