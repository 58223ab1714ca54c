import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { type AttackedServer, startAttacked } from '../support/attacked-server.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { json, modelForm, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { elementType, float32Tensor } from '../support/onnx-model.ts'
import { encodeModel } from '../support/rich-model.ts'

let server: AttackedServer
beforeAll(async () => {
  server = await startAttacked()
})
afterAll(() => server.stop())

const valueInfo = (name: string) => ({
  name,
  type: { tensorType: { elemType: elementType.float32, shape: { dim: [{ dimParam: 'batch' }, { dimValue: 1 }] } } },
})

/** A tensor of two numbers whose bytes are in another file. */
const reference = (name: string, entries: Record<string, string>) => ({
  name,
  dims: [2],
  dataType: elementType.float32,
  dataLocation: 1,
  externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
})

type Graph = Parameters<typeof encodeModel>[0]['graph']
type Tensor = ReturnType<typeof reference>
const graphOf = (rest: NonNullable<Graph>) => ({
  name: 'g',
  input: [valueInfo('x')],
  output: [valueInfo('y')],
  ...rest,
})
const opsetImport = [{ domain: '', version: 13 }]
const sum = [
  { opType: 'ReduceSum', input: ['s'], output: ['total'] },
  { opType: 'Add', input: ['x', 'total'], output: ['y'] },
]
const encode = (graph: NonNullable<Graph>, more: object = {}) =>
  encodeModel({ irVersion: 8, opsetImport, graph: graphOf(graph), ...more })

/** Everywhere in a model that a tensor can stand, each computing y = x + the sum of the tensor. */
const hidingPlaces: Record<string, (tensor: Tensor) => Uint8Array<ArrayBuffer>> = {
  'an initializer': tensor => encode({ initializer: [{ ...tensor, name: 's' }], node: sum }),
  'the attribute of a Constant': tensor =>
    encode({
      node: [
        { opType: 'Constant', input: [], output: ['s'], attribute: [{ name: 'value', type: 4, t: tensor }] },
        ...sum,
      ],
    }),
  'a subgraph': tensor => {
    const branch = (name: string) => ({
      name,
      type: 5,
      g: { name, initializer: [{ ...tensor, name: `${name}-s` }], output: [{ name: `${name}-s` }] },
    })
    const attribute = [branch('then_branch'), branch('else_branch')]
    return encode({
      initializer: [{ name: 'c', dims: [], dataType: elementType.bool, rawData: Uint8Array.of(1) }],
      node: [{ opType: 'If', input: ['c'], output: ['s'], attribute }, ...sum],
    })
  },
  'a function': tensor => {
    const node = [{ opType: 'Constant', output: ['s'], attribute: [{ name: 'value', type: 4, t: tensor }] }, ...sum]
    const functions = [{ name: 'f', domain: 'own', input: ['x'], output: ['y'], opsetImport, node }]
    return encode(
      { node: [{ opType: 'f', domain: 'own', input: ['x'], output: ['y'] }] },
      { functions, opsetImport: [...opsetImport, { domain: 'own', version: 1 }] },
    )
  },
  'a sparse tensor': tensor =>
    encode({
      sparseInitializer: [
        {
          values: { ...tensor, name: 's' },
          indices: { dims: [2], dataType: elementType.int64, rawData: new Uint8Array(BigInt64Array.of(0n, 1n).buffer) },
          dims: [2],
        },
      ],
      node: sum,
    }),
}

/** What a naive reader would open. */
const locations = [
  'package.json',
  '../catalog.sqlite',
  '../../../../../../etc/passwd',
  '/etc/passwd',
  '/proc/self/environ',
  'file:///etc/passwd',
  '*/_ORT_MEM_ADDR_/*',
  'C:\\Windows\\win.ini',
  'a/../../b',
]

/** Everything that reads a model refuses one whose data nobody has sent. */
async function expectUnusable(bytes: Uint8Array<ArrayBuffer>, location: string): Promise<void> {
  const record = await uploadModel(server.url, bytes)
  expect(record).toMatchObject({ status: 'incomplete', missing: [location] })
  const { id } = record
  const models = [{ id }, { id }]
  for (const response of [
    await postJson(`${server.url}/v1/merges`, { models }),
    await postJson(`${server.url}/v1/comparisons`, { models }),
    await fetch(`${server.url}/v1/models/${id}/content?external=inline`),
    await fetch(`${server.url}/v1/models/${id}/data/${encodeURIComponent(location)}`),
    await fetch(`${server.url}/v1/soup`, { method: 'POST', body: modelForm([bytes, bytes]) }),
  ])
    await readProblem(response, 409, 'TUREEN_MODEL_INCOMPLETE')
  await remove(id)
}

async function remove(id: string): Promise<void> {
  expect((await fetch(`${server.url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
}

test.each(locations)('external data at %s are never read from the machine', async location => {
  const bytes = encode({ initializer: [reference('s', { location })], node: sum })
  await server.attack(() => expectUnusable(bytes, location))
})

describe.each(Object.entries(hidingPlaces))('external data that a model names in %s', (_, make) => {
  test('are never read from the machine', async () => {
    await server.attack(() => expectUnusable(make(reference('t', { location: 'package.json' })), 'package.json'))
  })
})

// onnxruntime takes no sparse tensor whose values are put inside.
const runnable = Object.entries(hidingPlaces).filter(([place]) => place !== 'a sparse tensor')

test.each(runnable)('external data in %s are those that were sent: a location is only ever a key', async (_, make) => {
  const client = evaluationClient(server.url)
  const values = (numbers: number[]) => ({ descr: '<f4', shape: [3, 1], data: Float32Array.from(numbers) })
  await server.attack(async () => {
    const { id: dataset } = await client.addDataset(npz({ x: values([1, 2, 3]), y: values([43, 44, 45]) }))
    const location = '../../package.json'
    const form = modelForm([make(reference('t', { location }))])
    form.append('data', new Blob([Float32Array.of(40, 2)]), location)
    const response = await fetch(`${server.url}/v1/models`, { method: 'POST', body: form })
    const { id, status } = await json<ModelRecord>(response)
    expect(status).toBe('complete')
    const scoring = { dataset, inputs: { x: 'x' }, target: 'y', metrics: ['maxAbsDifference'] }
    const { result } = await client.evaluate({ model: id, ...scoring })
    expect(result?.metrics).toEqual({ maxAbsDifference: 0 })
    await remove(id)
    expect((await fetch(`${server.url}/v1/datasets/${dataset}`, { method: 'DELETE' })).status).toBe(204)
  })
})

describe('where in its file a tensor lies', () => {
  test.each([
    ['beyond the file', { offset: '4096' }],
    ['in part beyond the file', { offset: '4' }],
    ['at a negative offset', { offset: '-4' }],
    ['at an offset of 2^63 - 1', { offset: '9223372036854775807' }],
    ['at an offset that overflows 64 bits', { offset: '18446744073709551608' }],
    ['at an offset and length whose sum overflows', { offset: '18446744073709551608', length: '8' }],
    ['over a negative length', { length: '-8' }],
    ['over a length beyond any file', { offset: '0', length: '9223372036854775807' }],
    ['over less than its elements take', { length: '4' }],
    ['at an offset that is no number', { offset: '0x0' }],
  ])('%s is refused, with nothing kept', async (_, entries) => {
    await server.attack(async () => {
      const bytes = encode({ initializer: [reference('s', { location: 'w', ...entries })], node: sum })
      const form = modelForm([bytes])
      form.append('data', new Blob([Float32Array.of(40, 2)]), 'w')
      const response = await fetch(`${server.url}/v1/models`, { method: 'POST', body: form })
      await readProblem(response, 400, 'TUREEN_MODEL_MALFORMED')
    })
  })
})

test('two models whose tensors differ in nothing but the file that they name are no way to read it', async () => {
  await server.attack(async () => {
    const mine = encode({ initializer: [float32Tensor('s', [2], [1, 2])], node: sum })
    const theirs = encode({ initializer: [reference('s', { location: '/etc/passwd' })], node: sum })
    const response = await fetch(`${server.url}/v1/soup`, { method: 'POST', body: modelForm([mine, theirs]) })
    await readProblem(response, 409, 'TUREEN_MODEL_INCOMPLETE')
  })
})
