import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { json, merge, readProblem, uploadModel } from '../support/http-client.ts'
import { namedChain } from '../support/named-chain.ts'
import { elementType, int64Tensor, linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

type Tensor = {
  name: string
  dtype: string
  dims: number[]
  bytes: number
  storage: string
  where: string
  names: string[]
}
type Page = { items: Tensor[]; nextCursor: string | null }

let app: Awaited<ReturnType<typeof startApp>>
let ft0: ModelRecord
let ft1: ModelRecord

beforeAll(async () => {
  app = await startApp()
  ft0 = await uploadModel(app.url, await projectFile('examples/digits/ft0.onnx'), 'name=first')
  ft1 = await uploadModel(app.url, await projectFile('examples/digits/ft1.onnx'))
})
afterAll(() => app.close())

async function tensors(id: string, query = ''): Promise<Page> {
  const response = await fetch(`${app.url}/v1/models/${id}/tensors?${query}`)
  expect(response.status).toBe(200)
  return json<Page>(response)
}

describe('a model', () => {
  test('is found by its id', async () => {
    expect(await json(await fetch(`${app.url}/v1/models/${ft0.id}`))).toEqual(ft0)
  })

  test('is found by its digest, the newest record with it', async () => {
    const again = await uploadModel(app.url, await projectFile('examples/digits/ft0.onnx'), 'name=second')
    for (const reference of [ft0.sha256, encodeURIComponent(ft0.sha256)])
      expect(await json(await fetch(`${app.url}/v1/models/${reference}`))).toEqual(again)
    await fetch(`${app.url}/v1/models/${again.id}`, { method: 'DELETE' })
    expect(await json(await fetch(`${app.url}/v1/models/${ft0.sha256}`))).toEqual(ft0)
  })

  test.each(['nothing', `sha256:${'0'.repeat(64)}`, 'sha256:', '..%2f..%2fetc%2fpasswd', '%00', "'"])(
    'that there is not (%s) is 404 in all of its places',
    async id => {
      for (const place of ['', '/content', '/tensors', '/recipe'])
        await readProblem(await fetch(`${app.url}/v1/models/${id}${place}`), 404, 'TUREEN_NOT_FOUND')
      const response = await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
      await readProblem(response, 404, 'TUREEN_NOT_FOUND')
    },
  )
})

describe('the tensors of a model', () => {
  /** The digits' weights as PyTorch has them: name, dims. */
  const weights: [string, number[]][] = [
    ['conv1.weight', [16, 1, 3, 3]],
    ['conv1.bias', [16]],
    ['conv2.weight', [32, 16, 3, 3]],
    ['conv2.bias', [32]],
    ['norm.weight', [512]],
    ['norm.bias', [512]],
    ['fc1.weight', [64, 512]],
    ['fc1.bias', [64]],
    ['fc2.weight', [10, 64]],
    ['fc2.bias', [10]],
  ]

  test('are listed with type, shape, size, storage and place', async () => {
    const { items } = await tensors(ft0.id, 'limit=500')
    const initializers = items.filter(({ where }) => where.startsWith('graph.initializer['))
    expect(initializers.map(({ name, dims }) => [name, dims])).toEqual(weights)
    for (const { dims, dtype, bytes, storage } of initializers)
      expect({ dtype, bytes, storage }).toEqual({
        dtype: 'float32',
        bytes: 4 * dims.reduce((product, dim) => product * dim, 1),
        storage: 'raw',
      })
    expect(items).toHaveLength(ft0.tensorCount)
    for (const { where } of items)
      expect(where).toMatch(/^graph\.(initializer\[\d+\]|node\[\d+\]\.attribute\[\d+\]\.t)$/)
  })

  test('come in pages, each once', async () => {
    const all = await tensors(ft0.id)
    const found: Tensor[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Page = await tensors(ft0.id, cursor ? `limit=5&cursor=${encodeURIComponent(cursor)}` : 'limit=5')
      found.push(...page.items)
      cursor = page.nextCursor
    }
    expect(all.nextCursor).toBeNull()
    expect(found).toEqual(all.items)
    expect((await tensors(ft0.id, `limit=${ft0.tensorCount}`)).nextCursor).toBeNull()
  })

  test('refuse the cursor of another list', async () => {
    const { nextCursor } = await json<Page>(await fetch(`${app.url}/v1/models?limit=1`))
    const response = await fetch(`${app.url}/v1/models/${ft0.id}/tensors?cursor=${nextCursor}`)
    await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
  })

  test('tell typed storage, types and a tensor without dims', async () => {
    const model = linearModel([1, 2], [3, 4], ({ graph }) => {
      graph.initializer = [
        { name: 'W', dims: [1, 2], dataType: elementType.float32, floatData: [1, 2] },
        { name: 'b', dims: [2], dataType: elementType.float16, int32Data: [15360, 15360] },
        int64Tensor('count', [], [7]),
        { name: 'words', dims: [2], dataType: elementType.string, stringData: [Buffer.from('ab'), Buffer.from('c')] },
      ]
    })
    const { id, parameters, dtypes } = await uploadModel(app.url, model)
    expect({ parameters, dtypes }).toEqual({ parameters: 4, dtypes: { float32: 1, float16: 1, int64: 1, string: 1 } })
    const { items } = await tensors(id)
    expect(items.map(({ names: _names, ...item }) => item)).toEqual([
      { name: 'W', dtype: 'float32', dims: [1, 2], bytes: 8, storage: 'typed', where: 'graph.initializer[0]' },
      { name: 'b', dtype: 'float16', dims: [2], bytes: 4, storage: 'typed', where: 'graph.initializer[1]' },
      { name: 'count', dtype: 'int64', dims: [], bytes: 8, storage: 'raw', where: 'graph.initializer[2]' },
      { name: 'words', dtype: 'string', dims: [2], bytes: 3, storage: 'typed', where: 'graph.initializer[3]' },
    ])
  })

  test('have every name that a glob can match: their own, and those of the nodes that read them', async () => {
    const { items } = await tensors(ft0.id)
    const named = new Map(items.map(({ name, names }) => [name, names]))
    expect(named.get('conv1.weight')).toEqual(['conv1.weight', '/conv1/Conv'])
    expect(named.get('fc2.bias')).toEqual(['fc2.bias', '/fc2/Gemm'])
    const links = [
      { weight: 'onnx::MatMul_63', node: '/q/MatMul', bias: 'layers.0.q.bias', add: '/q/Add' },
      { weight: 'onnx::MatMul_76', node: 'MatMul_7' },
    ]
    const { id } = await uploadModel(app.url, namedChain(links, 1))
    expect((await tensors(id)).items.map(({ names }) => names)).toEqual([
      ['onnx::MatMul_63', '/q/MatMul', 'layers.0.q.weight'],
      ['layers.0.q.bias', '/q/Add'],
      ['onnx::MatMul_76', 'MatMul_7'],
    ])
  })
})

describe('the recipe of a model', () => {
  test('is 404 where the model was uploaded', async () => {
    const { detail } = await readProblem(await fetch(`${app.url}/v1/models/${ft0.id}/recipe`), 404, 'TUREEN_NOT_FOUND')
    expect(detail).toContain('upload')
  })

  test('names the inputs by digest, in order, with their weights', async () => {
    const models = [
      { id: ft1.id, weight: 2 },
      { id: ft0.sha256, weight: -0.5 },
    ]
    const job = await merge(app.url, { models, name: 'soup' })
    const recipe = await json(await fetch(`${app.url}/v1/models/${job.result?.model.id}/recipe`))
    expect(recipe).toMatchObject({
      method: 'linear',
      normalize: true,
      models: [
        { id: ft1.sha256, weight: 2 },
        { id: ft0.sha256, weight: -0.5 },
      ],
    })
  })
})
