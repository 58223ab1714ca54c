import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { onnx } from 'onnx-proto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { classicModel, classicNode } from '../support/classic-model.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { npz } from '../support/npz.ts'
import { elementType } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { evaluating, startApp } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof evaluationClient>
beforeAll(async () => {
  app = await startApp(evaluating)
  client = evaluationClient(app.url)
})
afterAll(() => app.close())

/** A classifier whose scores are its three inputs times `factors`. */
function classifier(labels: { ints: number[] } | { strings: string[] }, factors = [1, 1, 1], zipMap = false) {
  const areTexts = 'strings' in labels
  const classes = areTexts ? { classlabels_strings: labels } : { classlabels_ints: labels }
  const node = classicNode('LinearClassifier', 'x', ['label', 'probabilities'], {
    ...classes,
    coefficients: factors.flatMap((factor, row) => [0, 1, 2].map(column => (column === row ? factor : 0))),
    intercepts: [0, 0, 0],
    multi_class: 1,
    post_transform: 'SOFTMAX',
  })
  const label = { elemType: areTexts ? elementType.string : elementType.int64 }
  if (!zipMap) return classicModel([node], 3, { label, probabilities: { width: 3 } })
  const mapped: onnx.ITypeProto = {
    sequenceType: { elemType: { mapType: { keyType: 7, valueType: { tensorType: { elemType: 1 } } } } },
  }
  const zip = classicNode('ZipMap', 'probabilities', ['mapped'], { classlabels_int64s: labels })
  return classicModel([node, zip], 3, { label, mapped: { type: mapped } })
}

/** Six samples, whose highest inputs are 2, 0, 1, 1, 2, 0. */
const x = {
  descr: '<f4',
  shape: [6, 3],
  data: Float32Array.of(0, 1, 2, 3, 1, 2, 0, 4, 1, -1, 2, 1, 0, -1, 5, 1, 0.5, 0),
}
const whole = (y: number[]) => npz({ x, y: { descr: '<i8', shape: [6], data: BigInt64Array.from(y, BigInt) } })
const named = (y: string[]) => {
  const data = Uint32Array.from(y.flatMap(text => Array.from({ length: 8 }, (_, at) => text.codePointAt(at) ?? 0)))
  return npz({ x, y: { descr: '<U8', shape: [6], data } })
}

describe('a classifier that puts out labels and probabilities', () => {
  test('is scored by its labels, which need not be indices', async () => {
    const request = {
      model: await client.addModel(classifier({ ints: [3, 7, 11] })),
      dataset: (await client.addDataset(whole([11, 3, 7, 3, 11, 7]))).id,
      output: 'label',
    }
    const { result } = await client.evaluate({ ...request, metrics: ['accuracy', 'balancedAccuracy', 'macroF1'] })
    // F1 of 3: 2*1/(2+2), of 7: 2*1/(2+2), of 11: 2*2/(2+2).
    expect(result?.metrics.accuracy).toBeCloseTo(4 / 6, 12)
    expect(result?.metrics.balancedAccuracy).toBeCloseTo((0.5 + 0.5 + 1) / 3, 12)
    expect(result?.metrics.macroF1).toBeCloseTo((0.5 + 0.5 + 1) / 3, 12)
    expect(result?.perClass?.[0]?.classes.map(each => each.class)).toEqual([3, 7, 11])
    expect(result?.notes).toContainEqual(expect.stringContaining('outputs read as class labels'))
    const again = await client.evaluate({ ...request, metrics: ['accuracy'] })
    expect(again.result).toMatchObject({
      cached: true,
      perClass: [{ classes: [{ class: 3 }, { class: 7 }, { class: 11 }] }],
    })
  })

  test('is scored by its probabilities where they are asked for', async () => {
    const { result } = await client.evaluate({
      model: await client.addModel(classifier({ ints: [0, 1, 2] })),
      dataset: (await client.addDataset(whole([2, 0, 1, 0, 2, 1]))).id,
      output: 'probabilities',
      metrics: ['accuracy', 'crossEntropy'],
    })
    expect(result?.metrics.accuracy).toBeCloseTo(4 / 6, 12)
    expect(result?.metrics.crossEntropy).toBeGreaterThan(0)
  })

  test('is not scored by either unasked: the choices are listed with their types', async () => {
    const response = await client.ask({
      model: await client.addModel(classifier({ ints: [0, 1, 2] })),
      dataset: (await client.addDataset(whole([2, 0, 1, 0, 2, 1]))).id,
    })
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({
      errors: [
        {
          field: 'output',
          message: expect.stringMatching(/label \(int64 \[n\]\), probabilities \(float32 \[n, 3\]\)/),
        },
      ],
    })
  })

  test.each(['crossEntropy', 'rocAuc', 'topK'])(
    'is refused by %s for its labels, which names the probabilities',
    async metric => {
      const response = await client.ask({
        model: await client.addModel(classifier({ ints: [0, 1, 2] })),
        dataset: (await client.addDataset(whole([2, 0, 1, 0, 2, 1]))).id,
        output: 'label',
        metrics: ['accuracy', metric],
      })
      expect(response.status).toBe(422)
      expect(await response.json()).toMatchObject({
        code: 'TUREEN_METRIC_MISMATCH',
        errors: [
          { field: 'metrics.1', message: expect.stringMatching(/label is int64: .*score the output probabilities/) },
        ],
      })
    },
  )

  test('with a ZipMap leaves one choice: its labels, by accuracy', async () => {
    const { result } = await client.evaluate({
      model: await client.addModel(classifier({ ints: [0, 1, 2] }, [1, 1, 1], true)),
      dataset: (await client.addDataset(whole([2, 0, 1, 0, 2, 1]))).id,
    })
    expect(result).toMatchObject({ metrics: { accuracy: 4 / 6 }, binding: { output: 'label' } })
  })

  test('with a ZipMap whose type the file does not declare is refused with the way out', async () => {
    const scores = classicNode('Normalizer', 'x', ['scores'], { norm: 'L1' })
    const zip = classicNode('ZipMap', 'scores', ['mapped'], { classlabels_int64s: { ints: [0, 1, 2] } })
    const { error } = await client.evaluate({
      model: await client.addModel(classicModel([scores, zip], 3, { mapped: { type: {} } })),
      dataset: (await client.addDataset(whole([2, 0, 1, 0, 2, 1]))).id,
      metrics: ['accuracy'],
    })
    expect(error).toMatchObject({ code: 'TUREEN_EVALUATION_FAILED', detail: expect.stringMatching(/without ZipMap/) })
  })

  test('whose labels are texts is compared with texts', async () => {
    const { result, error } = await client.evaluate({
      model: await client.addModel(classifier({ strings: ['setosa', 'rose', 'lily'] })),
      dataset: (await client.addDataset(named(['lily', 'setosa', 'rose', 'setosa', 'lily', 'daisy']))).id,
    })
    expect(error).toBeUndefined()
    expect(result).toMatchObject({
      metrics: { accuracy: 4 / 6 },
      binding: { output: 'label' },
      perClass: [
        { classes: [{ class: 'daisy' }, { class: 'lily', value: 1 }, { class: 'rose' }, { class: 'setosa' }] },
      ],
    })
  })

  test('is compared by the texts that the request names as classes', async () => {
    const classes = ['setosa', 'rose', 'lily']
    const texts = await client.addModel(classifier({ strings: classes }))
    const indices = await client.addModel(classifier({ ints: [0, 1, 2] }))
    const numbers = (await client.addDataset(whole([2, 0, 1, 0, 2, 1]))).id
    const flowers = (await client.addDataset(named(['lily', 'setosa', 'rose', 'setosa', 'lily', 'rose']))).id
    const accuracy = [{ name: 'accuracy', classes }]
    for (const request of [
      { model: texts, dataset: numbers, output: 'label' },
      { model: texts, dataset: flowers, output: 'label' },
      { model: indices, dataset: flowers, output: 'label' },
      { model: indices, dataset: flowers, output: 'probabilities' },
    ]) {
      const { result, error } = await client.evaluate({ ...request, metrics: accuracy })
      expect(error).toBeUndefined()
      expect(result?.metrics.accuracy).toBeCloseTo(4 / 6, 12)
      expect(result?.perClass?.[0]?.classes.map(each => each.class)).toEqual(classes)
    }
    const scores = {
      model: indices,
      dataset: flowers,
      output: 'probabilities',
      metrics: [{ name: 'crossEntropy', classes }],
    }
    const same = { model: indices, dataset: numbers, output: 'probabilities', metrics: ['crossEntropy'] }
    const [byTexts, byIndices] = [await client.evaluate(scores), await client.evaluate(same)]
    expect(byTexts.result?.metrics.crossEntropy).toBe(byIndices.result?.metrics.crossEntropy)
    const unnamed = await client.evaluate({
      model: indices,
      dataset: flowers,
      output: 'probabilities',
      metrics: ['accuracy'],
    })
    expect(unnamed.error?.detail).toContain('name the texts as classes')
    const { result } = await searchClient(app.url).search({
      models: [{ id: indices }, { id: await client.addModel(classifier({ ints: [0, 1, 2] }, [1, 3, 1])) }],
      strategy: { type: 'greedy' },
      selection: { dataset: flowers, metric: { name: 'accuracy', classes }, output: 'probabilities' },
    })
    expect(result?.winner.score).toBeGreaterThanOrEqual(4 / 6)
  })

  test('is searched by its labels, with an interval of the gain', async () => {
    const dataset = (await client.addDataset(whole([2, 0, 1, 1, 2, 0]))).id
    const models = [
      await client.addModel(classifier({ ints: [0, 1, 2] }, [1, -1, 1])),
      await client.addModel(classifier({ ints: [0, 1, 2] }, [1, 3, 1])),
    ]
    const { result } = await searchClient(app.url).search({
      models: models.map(id => ({ id })),
      strategy: { type: 'exhaustive' },
      selection: { dataset, metric: 'accuracy', output: 'label' },
      test: { dataset, output: 'label' },
    })
    expect(result?.winner).toMatchObject({ score: 1 })
    expect(result).toMatchObject({ ignored: 0, test: { ignored: 0, leftOut: 0 } })
    const partly = (await client.addDataset(whole([2, 0, 1, 1, 2, -100]))).id
    const ignoring = await searchClient(app.url).find({
      models: models.map(id => ({ id })),
      strategy: { type: 'greedy' },
      selection: { dataset: partly, metric: 'accuracy', output: 'label' },
      test: { dataset: partly, output: 'label' },
    })
    expect(ignoring).toMatchObject({ ignored: 1, test: { ignored: 1 } })
    expect(ignoring.notes.join()).toContain('1 of 6 targets are left out: their value is -100')
  })
})

describeShared('the classifier of cases/scores', () => {
  const fixture = (name: string) => Uint8Array.from(readFileSync(join(sharedDirectory, 'cases', 'scores', name)))

  // NumPy: (np.argmax(X, 1) == y).mean()
  test.each([
    ['skl.npz', 39 / 60],
    ['skl-01.npz', 26 / 60],
  ])('has the accuracy that NumPy finds on %s', async (name, accuracy) => {
    const { result } = await client.evaluate({
      model: await client.addModel(fixture('skl.onnx')),
      dataset: (await client.addDataset(fixture(name))).id,
      output: 'label',
      metrics: ['accuracy'],
    })
    expect(result?.metrics.accuracy).toBeCloseTo(accuracy, 12)
  })
})
