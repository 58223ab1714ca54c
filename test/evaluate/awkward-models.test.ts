import onnxProto, { type onnx } from 'onnx-proto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluationClient } from '../support/evaluation-client.ts'
import { npz } from '../support/npz.ts'
import { elementType, valueInfo } from '../support/onnx-model.ts'
import { evaluating, startApp } from '../support/server.ts'

const { ModelProto } = onnxProto.onnx

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof evaluationClient>
beforeAll(async () => {
  app = await startApp(evaluating)
  client = evaluationClient(app.url)
})
afterAll(() => app.close())

function model(
  node: onnx.INodeProto[],
  inputs: onnx.IValueInfoProto[],
  outputs: onnx.IValueInfoProto[],
): Uint8Array<ArrayBuffer> {
  const graph = { name: 'awkward', node, input: inputs, output: outputs }
  return Uint8Array.from(
    ModelProto.encode(ModelProto.create({ irVersion: 8, opsetImport: [{ version: 13 }], graph })).finish(),
  )
}

const { float32, float16 } = elementType
const numbers = (count: number) => Float32Array.from({ length: count }, (_, index) => index + 1)
const array = (data: Float32Array, shape: number[]) => ({ descr: '<f4', shape, data })

describe('models that are not like the others', () => {
  test('a float16 model is fed float16, from float32 data that are exact in it', async () => {
    const bytes = model(
      [{ opType: 'Add', input: ['x', 'x'], output: ['y'] }],
      [valueInfo('x', float16, ['n', 2])],
      [valueInfo('y', float16, ['n', 2])],
    )
    const data = npz({
      x: array(numbers(6), [3, 2]),
      t: array(
        numbers(6).map(x => 2 * x),
        [3, 2],
      ),
    })
    const { result, error } = await client.evaluate({
      model: await client.addModel(bytes),
      dataset: (await client.addDataset(data)).id,
      metrics: ['mse', 'mae'],
    })
    expect(error).toBeUndefined()
    expect(result?.metrics).toEqual({ mse: 0, mae: 0 })
  })

  test.each([
    ['whose batch is fixed at four, of which the last is not full', ['x'], 4, 10],
    ['whose batch is fixed at one', ['x'], 1, 3],
  ])('a model %s', async (_, [input = ''], batch, samples) => {
    const bytes = model(
      [{ opType: 'Neg', input: [input], output: ['y'] }],
      [valueInfo('x', float32, [batch, 3])],
      [valueInfo('y', float32, [batch, 3])],
    )
    const data = npz({
      x: array(numbers(samples * 3), [samples, 3]),
      t: array(
        numbers(samples * 3).map(x => -x),
        [samples, 3],
      ),
    })
    const { result } = await client.evaluate({
      model: await client.addModel(bytes),
      dataset: (await client.addDataset(data)).id,
      metrics: ['mse'],
    })
    expect(result).toMatchObject({ metrics: { mse: 0 }, samples, batchSize: batch })
  })

  test('a model without a batch axis is fed one sample after the other', async () => {
    const bytes = model(
      [{ opType: 'Neg', input: ['x'], output: ['y'] }],
      [valueInfo('x', float32, [3])],
      [valueInfo('y', float32, [3])],
    )
    const data = npz({
      x: array(numbers(12), [4, 3]),
      t: array(
        numbers(12).map(x => -x),
        [4, 3],
      ),
    })
    const { result } = await client.evaluate({
      model: await client.addModel(bytes),
      dataset: (await client.addDataset(data)).id,
      target: 't',
      inputs: { x: 'x' },
      metrics: ['mse'],
    })
    expect(result).toMatchObject({ metrics: { mse: 0 }, samples: 4 })
  })

  test.each([
    ['is turned round', { opType: 'Transpose', input: ['x'], output: ['y'] }, ['k', 'n']],
    [
      'is twice as long as the input',
      { opType: 'Concat', input: ['x', 'x'], output: ['y'], attribute: [{ name: 'axis', type: 2, i: 0 }] },
      ['m', 'k'],
    ],
  ])('an output that %s is refused: its samples cannot be told apart', async (_, node, dims) => {
    const bytes = model([node], [valueInfo('x', float32, ['n', 5])], [valueInfo('y', float32, dims)])
    const data = npz({ x: array(numbers(15), [3, 5]), t: array(numbers(15), [3, 5]) })
    const job = await client.evaluate({
      model: await client.addModel(bytes),
      dataset: (await client.addDataset(data)).id,
      target: 't',
      inputs: { x: 'x' },
      metrics: ['mse'],
    })
    expect(job.error).toMatchObject({ code: 'TUREEN_METRIC_MISMATCH', detail: expect.stringContaining('first axis') })
  })

  test('outputs that are no numbers are counted in a note', async () => {
    const bytes = model(
      [{ opType: 'Sqrt', input: ['x'], output: ['y'] }],
      [valueInfo('x', float32, ['n', 2])],
      [valueInfo('y', float32, ['n', 2])],
    )
    const data = npz({ x: array(Float32Array.of(-1, 4, -9, 16), [2, 2]), t: array(numbers(4), [2, 2]) })
    const { result } = await client.evaluate({
      model: await client.addModel(bytes),
      dataset: (await client.addDataset(data)).id,
      target: 't',
      inputs: { x: 'x' },
      metrics: ['mse'],
    })
    expect(result?.metrics.mse).toBeNull()
    expect(result?.notes.join()).toContain('2 numbers in the output')
  })
})

describe('inputs that a data set has no array for', () => {
  /** logits = x times keep_prob. With a default, keep_prob need not be fed. */
  const dropout = (keepProb?: number) => {
    const initializer =
      keepProb === undefined ? [] : [{ name: 'keep_prob', dataType: float32, dims: [], floatData: [keepProb] }]
    const graph = {
      name: 'dropout',
      node: [{ opType: 'Mul', input: ['x', 'keep_prob'], output: ['logits'] }],
      initializer,
      input: [valueInfo('x', float32, ['n', 3]), valueInfo('keep_prob', float32, [])],
      output: [valueInfo('logits', float32, ['n', 3])],
    }
    return Uint8Array.from(
      ModelProto.encode(ModelProto.create({ irVersion: 8, opsetImport: [{ version: 13 }], graph })).finish(),
    )
  }
  const x = array(Float32Array.of(3, 1, 1, 1, 3, 1, 1, 1, 3, 3, 1, 1), [4, 3])
  const y = { descr: '<i8', shape: [4], data: BigInt64Array.of(0n, 1n, 2n, 2n) }
  const ids = { descr: '<i8', shape: [4], data: BigInt64Array.of(-30n, -29n, 5n, 7n) }

  test('an input without a default is named as missing, and no identifier is fed to it', async () => {
    const { id: dataset } = await client.addDataset(npz({ x, y, sample_id: ids }))
    const response = await client.ask({ model: await client.addModel(dropout()), dataset })
    expect(response.status).toBe(422)
    expect(Object(await response.json())).toMatchObject({
      code: 'TUREEN_DATASET_MISMATCH',
      errors: [{ field: 'inputs.keep_prob' }],
    })
  })

  test('an input with a default takes it, and the result tells what was guessed', async () => {
    const { id: dataset } = await client.addDataset(npz({ features: x, y, sample_id: ids }))
    const { result } = await client.evaluate({
      model: await client.addModel(dropout(2)),
      dataset,
      metrics: ['accuracy'],
    })
    expect(result?.metrics).toEqual({ accuracy: 0.75 })
    expect(result?.binding).toEqual({
      inputs: { x: 'features' },
      target: 'y',
      output: 'logits',
      guessed: ['inputs.x', 'target'],
    })
    expect(result?.notes.filter(note => /features.*inputs\.x|y was taken as the target/.test(note))).toHaveLength(2)
  })

  test('of train and test arrays in one file, those are scored that the request names', async () => {
    const train = { x_train: array(numbers(18), [6, 3]), y_train: { ...y, shape: [6], data: new BigInt64Array(6) } }
    const meta = { descr: '|O', shape: [], data: Uint8Array.of(0x80, 4, 0x4e, 0x2e) }
    const added = await client.addDataset(npz({ ...train, x_test: x, y_test: y, meta }))
    expect(added).toMatchObject({
      samples: 6,
      unusable: [{ name: 'meta', reason: expect.stringMatching(/Python objects/) }],
    })
    const model = await client.addModel(dropout(1))
    const request = { model, dataset: added.id, metrics: ['accuracy'] }
    const { result } = await client.evaluate({ ...request, target: 'y_test', limit: 5 })
    expect(result).toMatchObject({ metrics: { accuracy: 0.75 }, samples: 4, binding: { inputs: { x: 'x_test' } } })
    const refused = await client.ask({ ...request, target: 'meta' })
    expect(Object(await refused.json())).toMatchObject({ code: 'TUREEN_DATASET_UNSUPPORTED', status: 422 })
  })
})

describe('a request for a metric that is a model', () => {
  test.each([
    ['without a direction', { name: 'mine', model: 'x' }, 'direction'],
    ['with a direction that is none', { name: 'mine', model: 'x', direction: 'up' }, 'direction'],
    ['with a parameter that nobody asked for', { name: 'mine', model: 'x', direction: 'max', k: 5 }, 'k'],
  ])('is refused %s, naming the field', async (_, metric, mentioned) => {
    const response = await client.ask({ model: 'x', dataset: 'x', metrics: [metric] })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(mentioned)
  })
})

test('the same question twice at once is computed once', async () => {
  const bytes = model(
    [{ opType: 'Neg', input: ['x'], output: ['y'] }],
    [valueInfo('x', float32, ['n', 3])],
    [valueInfo('y', float32, ['n', 3])],
  )
  const data = npz({ x: array(numbers(12), [4, 3]), t: array(numbers(12), [4, 3]) })
  const request = {
    model: await client.addModel(bytes),
    dataset: (await client.addDataset(data)).id,
    target: 't',
    inputs: { x: 'x' },
    metrics: ['mse'],
  }
  const jobs = await Promise.all([
    client.evaluate(request),
    client.evaluate({ ...request, limit: 1000 }),
    client.evaluate(request),
  ])
  expect(jobs.map(({ result }) => result?.cached).sort()).toEqual([false, true, true])
})
