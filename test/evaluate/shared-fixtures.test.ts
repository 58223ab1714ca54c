import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mergeJob } from '../../schemas/job.ts'
import { openDataset } from '../../src/evaluate/datasets/dataset.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { evaluating, startApp } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'

const fixture = (...path: string[]) => Uint8Array.from(readFileSync(join(sharedDirectory, 'fixtures', ...path)))

type Scores = { accuracy: number; nll: number }
type Soup = { weights: [number, number][]; val?: Scores; test?: Scores }
type Single = { model: string; val: Scores; test: Scores }

const soupNames = ['uniform', 'two_three', 'best', 'pair']

describeShared('the shared fixtures', () => {
  let app: Awaited<ReturnType<typeof startApp>>
  let client: ReturnType<typeof evaluationClient>
  beforeAll(async () => {
    app = await startApp(evaluating)
    client = evaluationClient(app.url)
  })
  afterAll(() => app.close())

  const expectScores = async (model: string, dataset: string, scores: Scores, label: string) => {
    const { result } = await client.evaluate({ model, dataset, metrics: ['accuracy', 'crossEntropy'] })
    expect(result?.metrics.accuracy, label).toBeCloseTo(scores.accuracy, 5)
    expect(result?.metrics.crossEntropy, label).toBeCloseTo(scores.nll, 4)
  }

  test('digits: all eight models and the four soups have the expected accuracies and cross-entropies', async () => {
    const expected = JSON.parse(String(readFileSync(join(sharedDirectory, 'fixtures/digits/expected.json'))))
    const single: Single[] = expected.single
    const sets = {
      val: (await client.addDataset(fixture('digits/val.npz'))).id,
      test: (await client.addDataset(fixture('digits/test.npz'))).id,
    }
    const ids: string[] = []
    for (const { model, val, test } of single) {
      const id = await client.addModel(fixture(`digits/${model}.onnx`), model)
      ids.push(id)
      await Promise.all([
        expectScores(id, sets.val, val, `${model} val`),
        expectScores(id, sets.test, test, `${model} test`),
      ])
    }
    for (const name of soupNames) {
      const { weights, val, test }: Soup = expected[name]
      const models = weights.map(([index, weight]) => ({ id: ids[index], weight }))
      const response = await fetch(`${app.url}/v1/merges?wait=60`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ models }),
      })
      const { result } = mergeJob.parse(await response.json())
      const id = result?.model.id ?? ''
      if (val) await expectScores(id, sets.val, val, `${name} val`)
      if (test) await expectScores(id, sets.test, test, `${name} test`)
    }
  }, 120_000)

  // Of opset 6, for which onnxruntime 1.30 has no kernels: it says so, and so do we.
  const withoutKernel = new Map([
    ['test_BatchNorm2d_eval', 'BatchNormalization(6)'],
    ['test_Linear', 'Gemm(6)'],
    ['test_PReLU_2d_multiparam', 'PRelu(6)'],
  ])

  test("onnx-backend: every model that onnxruntime has the operators of gives ONNX's own expected outputs", async () => {
    const directory = join(sharedDirectory, 'fixtures/onnx-backend')
    const cases = readdirSync(directory)
    expect(cases.length).toBeGreaterThan(5)
    for (const name of cases) {
      const model = await client.addModel(fixture('onnx-backend', name, 'model.onnx'), name)
      const data = readdirSync(join(directory, name, 'test_data_set_0'))
      const files = Object.fromEntries(data.map(file => [file, fixture('onnx-backend', name, 'test_data_set_0', file)]))
      const dataset = await client.addDatasetFiles(files)
      const { result, error } = await client.evaluate({ model, dataset: dataset.id })
      const operator = withoutKernel.get(name)
      if (operator !== undefined) {
        expect(error, name).toMatchObject({
          code: 'TUREEN_EVALUATION_FAILED',
          detail: expect.stringContaining(operator),
        })
        continue
      }
      expect(error?.detail, name).toBeUndefined()
      expect(result?.metrics.allClose, name).toBe(1)
      expect(result?.metrics.maxAbsDifference, name).toBeLessThan(1e-3)
    }
  })

  test('mnist: a model whose batch is fixed at one image is fed one at a time', async () => {
    const model = await client.addModel(fixture('mnist/mnist.onnx'), 'mnist')
    const dataset = await client.addDataset(fixture('mnist/test.npz'))
    const { result, error } = await client.evaluate({ model, dataset: dataset.id })
    expect(error).toBeUndefined()
    expect(result).toMatchObject({ samples: 100, batchSize: 1 })
    expect(result?.metrics.accuracy).toBe(await accuracyByHand())
  })
})

/** The accuracy of the MNIST model with onnxruntime called directly, one image after the other. */
async function accuracyByHand(): Promise<number> {
  const session = await ort.InferenceSession.create(fixture('mnist/mnist.onnx'))
  const dataset = await openDataset([{ name: 'test.npz', path: join(sharedDirectory, 'fixtures/mnist/test.npz') }])
  let right = 0
  for await (const { values } of dataset.batches(['input', 'label'], 1)) {
    const image = values.get('input')?.data
    const label = values.get('label')?.data
    if (!(image instanceof Float32Array && label instanceof BigInt64Array))
      throw new TypeError('the fixture has other types')
    const [name = ''] = session.inputNames
    const outputs = await session.run({ [name]: new ort.Tensor('float32', image.slice(), [1, 1, 28, 28]) })
    const scores = Array.from(Object.values(outputs)[0]?.data as Float32Array)
    if (scores.indexOf(Math.max(...scores)) === Number(label[0])) right += 1
  }
  await dataset.close()
  return right / 100
}
