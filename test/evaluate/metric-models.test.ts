import onnxProto from 'onnx-proto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluationClient } from '../support/evaluation-client.ts'
import { elementType, valueInfo } from '../support/onnx-model.ts'
import { evaluating, projectFile, startApp } from '../support/server.ts'

const { ModelProto } = onnxProto.onnx

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof evaluationClient>
let datasetId: string
let ft0: string

beforeAll(async () => {
  app = await startApp(evaluating)
  client = evaluationClient(app.url)
  datasetId = (await client.addDataset(await projectFile('examples/digits/val.npz'))).id
  ft0 = await client.addModel(await projectFile('examples/digits/ft0.onnx'))
})
afterAll(() => app.close())

/** Accuracy as an ONNX model: a value per sample, or with `mean` one per batch. `order`: which of the two comes first. */
function accuracyModel({ mean = false, names = ['output', 'target'] } = {}): Uint8Array<ArrayBuffer> {
  const [first = '', second = ''] = names
  const scores = names.find(name => /output/.test(name)) ?? first
  const labels = names.find(name => name !== scores) ?? second
  const inputs = {
    [scores]: valueInfo(scores, elementType.float32, ['n', 10]),
    [labels]: valueInfo(labels, elementType.int64, ['n']),
  }
  const model = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'accuracy',
      node: [
        {
          opType: 'ArgMax',
          input: [scores],
          output: ['predicted'],
          attribute: [
            { name: 'axis', type: 2, i: 1 },
            { name: 'keepdims', type: 2, i: 0 },
          ],
        },
        { opType: 'Equal', input: ['predicted', labels], output: ['right'] },
        {
          opType: 'Cast',
          input: ['right'],
          output: ['perSample'],
          attribute: [{ name: 'to', type: 2, i: elementType.float32 }],
        },
        {
          opType: 'ReduceMean',
          input: ['perSample'],
          output: ['perBatch'],
          attribute: [{ name: 'keepdims', type: 2, i: 0 }],
        },
      ],
      input: names.flatMap(name => inputs[name] ?? []),
      output: [
        mean ? valueInfo('perBatch', elementType.float32, []) : valueInfo('perSample', elementType.float32, ['n']),
      ],
    },
  }
  return Uint8Array.from(ModelProto.encode(ModelProto.create(model)).finish())
}

describe('a metric that is an ONNX model', () => {
  test.each([
    ['returns a number per sample', accuracyModel()],
    ['returns a number per batch, the last one smaller than the others', accuracyModel({ mean: true })],
    ['takes the targets first, by name', accuracyModel({ names: ['target', 'outputs'] })],
  ])('gives what the metric of the service gives, when it %s', async (_, bytes) => {
    const model = await client.addModel(bytes)
    const request = { model: ft0, dataset: datasetId, batchSize: 96 }
    const { result } = await client.evaluate({
      ...request,
      metrics: ['accuracy', { name: 'mine', model, direction: 'max' }],
    })
    expect(result?.metrics.mine).toBeCloseTo(result?.metrics.accuracy ?? Number.NaN, 6)
  })

  test('is refused with the reason when it is no metric', async () => {
    const job = await client.evaluate({
      model: ft0,
      dataset: datasetId,
      metrics: [{ name: 'none', model: ft0, direction: 'max' }],
    })
    expect(job.error).toMatchObject({
      code: 'TUREEN_METRIC_MISMATCH',
      detail: expect.stringContaining('two: outputs and targets'),
    })
  })

  test('is named when the store does not have it', async () => {
    const response = await client.ask({
      model: ft0,
      dataset: datasetId,
      metrics: [{ name: 'mine', model: 'nowhere', direction: 'max' }],
    })
    expect(response.status).toBe(404)
    expect(await response.text()).toContain('metrics.0.model')
  })
})
