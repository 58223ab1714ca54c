import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type TureenClient } from '../../client/index.ts'
import { checkpointBytes, expectedTensors } from '../support/checkpoints.ts'
import { externalModel } from '../support/external-model.ts'
import { readProblem, uploadModel } from '../support/http-client.ts'
import { elementType, float32Tensor, linearModel, valueInfo } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: TureenClient
beforeAll(async () => {
  app = await startApp()
  client = createClient({ url: app.url })
})
afterAll(() => app.close())

const summaryUrl = (id: string, tensor: string) =>
  `${app.url}/v1/models/${id}/tensor-summary?tensor=${encodeURIComponent(tensor)}`

test('the summary of a tensor has the moments of its elements', async () => {
  const { id } = await uploadModel(app.url, linearModel([3, -4, Number.NaN, 0, Number.POSITIVE_INFINITY, 1], [1, 1]))
  const bins = new Array<number>(64).fill(0)
  // Of -4, 0, 1 and 3, on 64 ranges of width 7/64: 4 and 5 of 7 are 36.57 and 45.71 of 64.
  for (const bin of [0, 36, 45, 63]) bins[bin] = 1
  expect(await client.getTensorSummary(id, 'W')).toEqual({
    name: 'W',
    dtype: 'float32',
    dims: [3, 2],
    where: 'graph.initializer[0]',
    elements: 6,
    nonFinite: 2,
    min: -4,
    max: 3,
    mean: 0,
    standardDeviation: Math.sqrt(26 / 4),
    norm: expect.closeTo(Math.sqrt(26), 14),
    bins,
  })
  expect(await client.getTensorSummary(id, 'b')).toMatchObject({ min: 1, max: 1, mean: 1, standardDeviation: 0 })
})

test('a place names a tensor, too', async () => {
  const { id } = await uploadModel(app.url, linearModel([1, 2], [5]))
  expect(await client.getTensorSummary(id, 'graph.initializer[1]')).toMatchObject({ name: 'b', mean: 5 })
})

test('a tensor is in external data, in typed fields or in a checkpoint', async () => {
  const { main, data } = externalModel([1, 2, 3, 6], [5, 6])
  const external = await client.createModel({ file: main, data, name: 'external' })
  const { items } = await client.listModelTensors(external.id)
  const outside = items.find(({ storage, dims }) => storage === 'external' && dims.length === 2)
  expect(await client.getTensorSummary(external.id, outside?.name ?? '')).toMatchObject({
    elements: 4,
    mean: 3,
    max: 6,
  })

  const typed = linearModel([1, 2], [5], ({ graph }) => {
    graph.initializer = [
      { name: 'W', dims: [2, 1], dataType: elementType.float32, floatData: [1, 2] },
      { name: 'b', dims: [1], dataType: elementType.float32, floatData: [5] },
    ]
  })
  const { id } = await uploadModel(app.url, typed)
  expect(await client.getTensorSummary(id, 'W')).toMatchObject({ mean: 1.5, min: 1, max: 2 })

  const fixture = 'epoch1.pt'
  const checkpoint = await uploadModel(app.url, checkpointBytes(fixture))
  for (const [name, { dtype, hex }] of Object.entries(expectedTensors(fixture))) {
    if (dtype !== 'float32') continue
    const values = [...new Float32Array(new Uint8Array(Buffer.from(hex, 'hex')).buffer)]
    const summary = await client.getTensorSummary(checkpoint.id, name)
    expect(summary).toMatchObject({ elements: values.length, min: Math.min(...values), max: Math.max(...values) })
    expect(summary.norm).toBeCloseTo(Math.hypot(...values), 12)
  }
})

describe('a summary is refused', () => {
  test('without such a tensor, with the nearest name', async () => {
    const { id } = await uploadModel(app.url, linearModel([1, 2], [5]))
    const { errors } = await readProblem(await fetch(summaryUrl(id, 'Ww')), 404, 'TUREEN_NOT_FOUND')
    expect(errors).toEqual([
      {
        field: 'tensor',
        model: id,
        tensor: 'Ww',
        expected: 'W',
        message: 'the model has no tensor with this name or place',
      },
    ])
    await readProblem(await fetch(`${app.url}/v1/models/${id}/tensor-summary`), 400, 'TUREEN_REQUEST_INVALID')
    await readProblem(await fetch(summaryUrl('none', 'W')), 404, 'TUREEN_NOT_FOUND')
  })

  test('of a tensor without numbers', async () => {
    const file = linearModel([1, 2], [5], ({ graph }) => {
      graph.initializer = [
        ...(graph.initializer ?? []),
        { name: 'labels', dims: [1], dataType: elementType.string, stringData: [Buffer.from('a')] },
      ]
    })
    const { id } = await uploadModel(app.url, file)
    const { errors } = await readProblem(await fetch(summaryUrl(id, 'labels')), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'tensor', model: id, tensor: 'labels', actual: 'string' }])
  })

  test('of a name that several tensors have, with their places', async () => {
    const branch = (name: string, values: number[]) => ({
      name,
      type: 5,
      g: {
        name,
        initializer: [float32Tensor('same', [1], values)],
        node: [{ opType: 'Identity', input: ['same'], output: [`${name}_out`] }],
        output: [valueInfo(`${name}_out`, elementType.float32, [1])],
      },
    })
    const file = linearModel([1, 2], [5], ({ graph }) => {
      const attribute = [branch('then_branch', [7]), branch('else_branch', [9])]
      graph.node = [...(graph.node ?? []), { name: 'if', opType: 'If', input: ['choice'], output: ['z'], attribute }]
      graph.input = [...(graph.input ?? []), valueInfo('choice', elementType.bool, [1])]
    })
    const { id } = await uploadModel(app.url, file)
    const places = (await client.listModelTensors(id)).items
      .filter(({ name }) => name === 'same')
      .map(({ where }) => where)
    expect(places).toHaveLength(2)
    const { errors } = await readProblem(await fetch(summaryUrl(id, 'same')), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'tensor', model: id, tensor: 'same', expected: places.join(', ') }])
    const means = places.map(async place => (await client.getTensorSummary(id, place)).mean)
    expect(await Promise.all(means)).toEqual([7, 9])
  })

  test('while its external data is missing', async () => {
    const { main } = externalModel([1, 2, 3, 4], [5, 6])
    const { id } = await client.createModel({ file: main })
    const outside = (await client.listModelTensors(id)).items.find(({ storage }) => storage === 'external')
    const { errors } = await readProblem(
      await fetch(summaryUrl(id, outside?.name ?? '')),
      409,
      'TUREEN_MODEL_INCOMPLETE',
    )
    expect(errors[0]).toHaveProperty('location')
  })
})
