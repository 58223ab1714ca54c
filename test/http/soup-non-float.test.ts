import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectNothingKept, merge, postSoup, readProblem, soup, uploadModel } from '../support/http-client.ts'
import { elementType, int64Tensor, rawInitializer } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'
import { named, variedModel } from '../support/varied-model.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

type Change = Parameters<typeof variedModel>[0]

const changes: [string, Change][] = [
  [
    'shape',
    ({ graph }) => {
      named(graph.initializer, 'shape').rawData = int64Tensor('', [2], [-1, 1]).rawData ?? null
    },
  ],
  [
    'flag',
    ({ graph }) => {
      named(graph.initializer, 'flag').rawData = Uint8Array.of(0)
    },
  ],
  [
    'words',
    ({ graph }) => {
      named(graph.initializer, 'words').stringData = [Buffer.from('ab'), Buffer.from('ce')]
    },
  ],
  [
    'words',
    ({ graph }) => {
      named(graph.initializer, 'words').stringData = [Buffer.from('abc'), Buffer.from('d')]
    },
  ],
  [
    'quantised',
    ({ graph }) => {
      named(graph.initializer, 'quantised').rawData = Uint8Array.of(1, 2, 3, 5)
    },
  ],
]

describe('integer, bool and string tensors that differ', () => {
  test.each(changes)('%s is refused, named', async (tensor, change) => {
    const response = await postSoup(app.url, [variedModel(), variedModel(change)])
    const { errors } = await readProblem(response, 422, 'TUREEN_NON_FLOAT_DIFFERS')
    expect(errors).toMatchObject([{ model: 'model-1.onnx', tensor }])
    await expectNothingKept(app)
  })

  test.each(changes)('%s is taken from the base where the recipe says so', async (_, change) => {
    for (const models of [
      [variedModel(), variedModel(change)],
      [variedModel(change), variedModel()],
    ]) {
      const result = await soup(app.url, models, { nonFloat: 'base', provenance: false })
      expect(Buffer.from(result).equals(models[0] ?? Buffer.of())).toBe(true)
    }
  })

  test('the error says what to do', async () => {
    const shape = await postSoup(app.url, [variedModel(), variedModel(changes[0]?.[1])])
    expect(await shape.text()).toContain('nonFloat')
    const quantised = await postSoup(app.url, [variedModel(), variedModel(changes[4]?.[1])])
    expect(await quantised.text()).toMatch(/quantis/i)
  })

  test('all of them are listed', async () => {
    const other = variedModel(model => {
      for (const [, change] of changes) change?.(model)
    })
    const { errors } = await readProblem(
      await postSoup(app.url, [variedModel(), other, variedModel(changes[1]?.[1])]),
      422,
      'TUREEN_NON_FLOAT_DIFFERS',
    )
    expect(errors.map(({ model, tensor }) => `${model} ${tensor}`).sort()).toEqual([
      'model-1.onnx flag',
      'model-1.onnx quantised',
      'model-1.onnx shape',
      'model-1.onnx words',
      'model-2.onnx flag',
    ])
  })

  test('the same values stored otherwise are no difference', async () => {
    const typed = variedModel(({ graph }) => {
      Object.assign(named(graph.initializer, 'shape'), { rawData: undefined, int64Data: [-1, 2] })
      Object.assign(named(graph.initializer, 'flag'), { rawData: undefined, int32Data: [1] })
      Object.assign(named(graph.initializer, 'quantised'), { rawData: undefined, int32Data: [1, 2, 3, 4] })
    })
    for (const models of [
      [variedModel(), typed],
      [typed, variedModel()],
    ])
      expect((await postSoup(app.url, models)).status).toBe(200)
  })

  test('a difference in type or shape is not a matter of nonFloat', async () => {
    const other = variedModel(({ graph }) => {
      const dims = [2]
      Object.assign(named(graph.initializer, 'shape'), {
        dims,
        dataType: elementType.int32,
        rawData: new Uint8Array(8),
      })
    })
    const response = await postSoup(app.url, [variedModel(), other], { nonFloat: 'base' })
    const { errors } = await readProblem(response, 422, 'TUREEN_MODELS_DIFFER')
    expect(errors).toMatchObject([{ tensor: 'shape' }])
  })
})

describe('the base', () => {
  const described = (docString: string, scale: number, change: Change = () => {}) =>
    variedModel(model => {
      model.docString = docString
      change(model)
    }, scale)

  test('of a merge may be any of its models: its file carries the result', async () => {
    const first = described('first', 1)
    const second = described('second', 3, changes[0]?.[1])
    const ids = [await uploadModel(app.url, first), await uploadModel(app.url, second)].map(({ id }) => id)
    const models = ids.map(id => ({ id }))
    const request = { models, base: ids[1], nonFloat: 'base', provenance: false }
    const { result } = await merge(app.url, request)
    const response = await fetch(`${app.url}/v1/models/${result?.model.id}/content`)
    const expected = described('second', 2, changes[0]?.[1])
    expect(Buffer.from(await response.arrayBuffer()).toString('hex')).toBe(Buffer.from(expected).toString('hex'))
  })

  test('of a merge may be a model that is not averaged', async () => {
    const [first, second, third] = [described('first', 1), described('second', 3), described('third', 100)]
    const records = [await uploadModel(app.url, first), await uploadModel(app.url, second)]
    const base = await uploadModel(app.url, third)
    const models = records.map(({ id }) => ({ id }))
    const { result } = await merge(app.url, { models, base: base.sha256, provenance: false })
    const response = await fetch(`${app.url}/v1/models/${result?.model.id}/content`)
    const content = new Uint8Array(await response.arrayBuffer())
    expect(Buffer.from(content).equals(described('third', 2))).toBe(true)
    expect([...new Float32Array(rawInitializer(content, 'b').buffer)]).toEqual([10, 12])
  })

  test('of a merge that fits none of the models is refused', async () => {
    const other = variedModel(({ graph }) => {
      named(graph.node, 'add').opType = 'Sub'
    })
    const model = await uploadModel(app.url, described('first', 1))
    const base = await uploadModel(app.url, other)
    const response = await fetch(`${app.url}/v1/merges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ models: [{ id: model.id }], base: base.id }),
    })
    const { errors } = await readProblem(response, 422, 'TUREEN_MODELS_DIFFER')
    expect(errors).toMatchObject([{ model: model.id, node: 'add' }])
  })
})
