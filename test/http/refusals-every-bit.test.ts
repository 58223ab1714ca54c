import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { appendInside } from '../support/append-inside.ts'
import { expectNothingKept, postSoup, readProblem } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'
import { attributeType, type Model, named, variedModel } from '../support/varied-model.ts'
import { bytesField, onnxField, varintField } from '../support/wire-bytes.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

afterEach(() => expectNothingKept(app))

describe('a field that no schema knows', () => {
  const { model, graph } = onnxField
  const unknown = (text: string) => bytesField(777, text)
  const places = [
    {
      where: 'a node',
      path: [
        [model.graph, 0],
        [graph.node, 1],
      ],
      named: { node: 'add' },
    },
    {
      where: 'an initializer',
      path: [
        [model.graph, 0],
        [graph.initializer, 1],
      ],
      named: { tensor: 'b' },
    },
    { where: 'the graph', path: [[model.graph, 0]], named: {} },
    { where: 'the model', path: [], named: {} },
  ] as const

  test.each(places)('in $where of one model only is a difference', async ({ path, named }) => {
    const base = variedModel()
    const other = appendInside(variedModel(), path, unknown('new'))
    for (const models of [
      [base, other],
      [other, base],
    ]) {
      const problem = await readProblem(await postSoup(app.url, models), 422, 'TUREEN_MODELS_DIFFER')
      expect(problem.errors).toMatchObject([{ model: 'model-1.onnx', ...named }])
    }
  })

  test.each(places)('in $where with other content is a difference', async ({ path, named }) => {
    const models = ['one', 'two'].map(text => appendInside(variedModel(), path, unknown(text)))
    const problem = await readProblem(await postSoup(app.url, models), 422, 'TUREEN_MODELS_DIFFER')
    expect(problem.errors).toMatchObject([{ model: 'model-1.onnx', ...named }])
  })

  test.each(places)('in $where, the same in both, is carried into the soup', async ({ path }) => {
    const models = [1, 3].map(scale => appendInside(variedModel(undefined, scale), path, unknown('kept as it is')))
    const response = await postSoup(app.url, models)
    expect(response.status).toBe(200)
    expect(Buffer.from(await response.arrayBuffer()).includes(unknown('kept as it is'))).toBe(true)
  })
})

describe('an attribute is compared to its last bit', () => {
  const { attribute, graph, model, node } = onnxField
  const inLeaky = [
    [model.graph, 0],
    [graph.node, 2],
  ] as const

  test.each([
    [2n ** 53n, 2n ** 53n + 1n],
    [2n ** 63n - 1n, 2n ** 63n - 2n],
    [-1n, -2n],
  ])('an integer: %d and %d', async (...values) => {
    const [base, other, variant] = [...values, values[0]].map((value, index) => {
      const fields = [
        bytesField(attribute.name, 'big'),
        varintField(attribute.i, value),
        varintField(attribute.type, 2),
      ]
      return appendInside(variedModel(undefined, index + 1), inLeaky, bytesField(node.attribute, fields))
    }) as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]
    const problem = await readProblem(await postSoup(app.url, [base, other]), 422, 'TUREEN_MODELS_DIFFER')
    expect(problem.errors).toMatchObject([{ model: 'model-1.onnx', node: 'leaky' }])
    expect((await postSoup(app.url, [base, variant])).status).toBe(200)
  })

  const many = (last: number) => Array.from({ length: 5_000 }, (_, index) => (index === 4_999 ? last : 7))
  const long: [string, (last: number) => (model: Model) => void][] = [
    [
      'the last of 5,000 integers',
      last =>
        ({ graph }) => {
          named(graph.node, 'leaky').attribute?.push({ name: 'many', type: attributeType.ints, ints: many(last) })
        },
    ],
    [
      'the last of 5,000 letters',
      last =>
        ({ graph }) => {
          const s = Buffer.from(`${'a'.repeat(4_999)}${last}`)
          named(graph.node, 'leaky').attribute?.push({ name: 'text', type: attributeType.string, s })
        },
    ],
    [
      'not a number, which is not equal to itself',
      last =>
        ({ graph }) => {
          const f = last ? Number.NaN : 1
          named(graph.node, 'leaky').attribute?.push({ name: 'nan', type: attributeType.float, f })
        },
    ],
  ]
  test.each(long)('%s', async (_, change) => {
    const models = [variedModel(change(0)), variedModel(change(1))]
    const problem = await readProblem(await postSoup(app.url, models), 422, 'TUREEN_MODELS_DIFFER')
    expect(problem.errors).toMatchObject([{ model: 'model-1.onnx', node: 'leaky' }])
    expect((await postSoup(app.url, [variedModel(change(1)), variedModel(change(1), 2)])).status).toBe(200)
  })
})
