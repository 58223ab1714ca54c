import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MergeResult } from '../../schemas/merge.ts'
import { type AttackedServer, startAttacked } from '../support/attacked-server.ts'
import { customOperator, doublingFunctions } from '../support/hostile-models.ts'
import { json, merge, modelForm, readProblem, sha256, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varint, varintField } from '../support/wire-bytes.ts'

let server: AttackedServer
beforeAll(async () => {
  server = await startAttacked()
})
afterAll(() => server.stop())

const {
  model: modelField,
  graph: graphField,
  node: nodeField,
  attribute: attributeField,
  tensor: tensorField,
} = onnxField

/** The model as an upload and in a soup: both refuse it, and nothing is kept. */
async function expectRefused(bytes: Uint8Array, status: number, code: string): Promise<void> {
  const body = Uint8Array.from(bytes)
  await server.attack(async () => {
    await readProblem(await fetch(`${server.url}/v1/models`, { method: 'POST', body }), status, code)
    const soup = await fetch(`${server.url}/v1/soup`, { method: 'POST', body: modelForm([body, body]) })
    await readProblem(soup, status, code)
  })
}

const rawTensor = (dims: (number | bigint)[], bytes: number) =>
  modelBytes([
    Buffer.concat([
      ...dims.map(dim => varintField(tensorField.dims, dim)),
      tensorBytes('W', 1, [], bytesField(tensorField.rawData, Buffer.alloc(bytes))),
    ]),
  ])

describe('sizes that are lies are found before anything is allocated for them', () => {
  test.each([
    ['terabytes are declared and eight bytes are there', rawTensor([2 ** 40], 8)],
    ['the product of dims overflows 64 bits to eight bytes', rawTensor([2n ** 62n, 4n, 2n], 8)],
    ['a dim is negative', rawTensor([-2n], 8)],
    ['two negative dims have a positive product', rawTensor([-1n, -2n], 8)],
    ['fewer elements are declared than there are bytes', rawTensor([1], 8)],
    [
      'a graph is longer than its file',
      Buffer.concat([varint(modelField.graph * 8 + 2), varint(2n ** 40n), Buffer.alloc(100)]),
    ],
    ['a length is negative', Buffer.concat([varint(modelField.graph * 8 + 2), varint(-1n), Buffer.alloc(100)])],
    ['the file is cut off', Buffer.from(linearModel([1, 2, 3, 4], [5, 6])).subarray(0, -40)],
  ])('%s', async (_, bytes) => {
    await expectRefused(bytes, 400, 'TUREEN_MODEL_MALFORMED')
  })
})

describe('what grows while it is read is bounded', () => {
  test('messages nested 5,000 deep', async () => {
    let graph = Buffer.alloc(0)
    for (let level = 0; level < 5_000 / 3; level += 1)
      graph = Buffer.from(
        bytesField(graphField.node, bytesField(nodeField.attribute, bytesField(attributeField.g, graph))),
      )
    await expectRefused(bytesField(modelField.graph, graph), 422, 'TUREEN_MODEL_LIMIT')
  })

  test('functions that call the next one twice, sixty-four deep', async () => {
    const body = doublingFunctions(64)
    expect(body.byteLength).toBeLessThan(8_000)
    await expectRefused(body, 422, 'TUREEN_MODEL_LIMIT')
  })
})

describe('what is not ONNX though its name says so is called by its name', () => {
  test.each([
    ['an ORT flatbuffer', Buffer.from('1c0000004f52544d0000', 'hex')],
    ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n')],
    ['a gzipped model', gzipSync(linearModel([1], [2]))],
    ['an empty file', Buffer.alloc(0)],
  ])('%s', async (_, bytes) => {
    await expectRefused(bytes, 400, 'TUREEN_NOT_ONNX')
  })
})

/** Uploads a model, merges it with itself, and deletes both. @returns whether the soup is the model, byte for byte */
async function isItsOwnSoup(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const { id } = await uploadModel(server.url, bytes)
  const { result } = await merge(server.url, { models: [{ id }, { id }], provenance: false, name: 'soup' })
  const made: MergeResult['model'] | undefined = result?.model
  for (const each of new Set([id, made?.id]))
    expect((await fetch(`${server.url}/v1/models/${each}`, { method: 'DELETE' })).status).toBe(204)
  return made?.sha256 === `sha256:${sha256(bytes)}`
}

test('names that JavaScript gives a meaning of its own are names', async () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then']
  const bytes = Uint8Array.from(
    modelBytes(names.map(name => tensorBytes(name, 1, [1], bytesField(tensorField.rawData, Buffer.alloc(4, 1))))),
  )
  await server.attack(async () => {
    const { id } = await uploadModel(server.url, bytes)
    const { items } = await json<{ items: { name: string }[] }>(await fetch(`${server.url}/v1/models/${id}/tensors`))
    expect(items.map(({ name }) => name)).toEqual(names)
    expect((await fetch(`${server.url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await isItsOwnSoup(bytes)).toBe(true)
  })
})

test('an operator that nobody knows can be merged', async () => {
  await server.attack(async () => expect(await isItsOwnSoup(customOperator())).toBe(true))
})
