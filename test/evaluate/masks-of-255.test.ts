import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { metricList } from '../../schemas/evaluation.ts'
import { npz } from '../support/npz.ts'
import { elementType } from '../support/onnx-model.ts'
import { encodeModel } from '../support/rich-model.ts'
import { searchClient } from '../support/search-client.ts'
import { evaluating, startApp } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
beforeAll(async () => {
  app = await startApp(evaluating)
  client = searchClient(app.url)
})
afterAll(() => app.close())

/** Returns a model of [n, 1, 2, 2] whose score of class 1 in each pixel is weight * x + bias, by a 1x1 convolution. */
function pixelModel(weight: number, bias: number): Uint8Array<ArrayBuffer> {
  const value = (name: string) => {
    const dim = [{ dimParam: 'n' }, { dimValue: 1 }, { dimValue: 2 }, { dimValue: 2 }]
    return { name, type: { tensorType: { elemType: elementType.float32, shape: { dim } } } }
  }
  const tensor = (name: string, dims: number[], number: number) => {
    return { name, dims, dataType: elementType.float32, floatData: [number] }
  }
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'pixels',
      node: [{ opType: 'Conv', input: ['x', 'w', 'b'], output: ['mask'] }],
      initializer: [tensor('w', [1, 1, 1, 1], weight), tensor('b', [1], bias)],
      input: [value('x')],
      output: [value('mask')],
    },
  })
}

/** Two images of four pixels. A pixel is foreground, 255, if x is above 0; one of eight pixels is an exception. */
const x = Float32Array.of(-1, -2, 1, 3, -3, 2, -1, 1)
const foreground = [false, false, true, true, false, true, false, false]
const dataset = npz({
  x: { descr: '<f4', shape: [2, 1, 2, 2], data: x },
  mask_true: { descr: '|u1', shape: [2, 2, 2], data: Uint8Array.from(foreground, isOn => (isOn ? 255 : 0)) },
})
// Intersection over union by hand: background 4 of 5, foreground 3 of 4. All background: 5 of 8, and 0.
const ofGood = (4 / 5 + 3 / 4) / 2
const ofBackground = (5 / 8 + 0) / 2

async function uploaded() {
  return {
    good: await client.addModel(pixelModel(1, 0), 'good'),
    background: await client.addModel(pixelModel(0.1, -9), 'background'),
    dataset: (await client.addDataset(dataset)).id,
  }
}

describe('masks of 0 and 255', () => {
  test('are not scored by the background alone: the refusal names the counts and the choice', async () => {
    const { good, dataset } = await uploaded()
    const { error } = await client.evaluate({ model: good, dataset, metrics: ['meanIoU'] })
    expect(error).toMatchObject({
      code: 'TUREEN_METRIC_MISMATCH',
      detail: expect.stringMatching(/3 of 8 targets have the value 255.*"classes": \[0,255\].*"ignoreIndex": null/),
      errors: [{ field: 'target', actual: '3 of 8 targets ignored' }],
    })
  })

  test('are scored with 255 as foreground if the request names the classes', async () => {
    const { good, background, dataset } = await uploaded()
    const metrics = [{ name: 'meanIoU', classes: [0, 255] }]
    const right = await client.evaluate({ model: good, dataset, metrics })
    expect(right.result).toMatchObject({
      ignored: { meanIoU: 0 },
      perClass: [
        {
          classes: [
            { class: 0, value: 4 / 5, support: 5 },
            { class: 255, value: 3 / 4, support: 3 },
          ],
        },
      ],
    })
    expect(right.result?.metrics.meanIoU).toBeCloseTo(ofGood, 12)
    const wrong = await client.evaluate({ model: background, dataset, metrics })
    expect(wrong.result?.metrics.meanIoU).toBeCloseTo(ofBackground, 12)
    const kept = await (await fetch(`${app.url}/v1/models/${background}/scores`)).json()
    expect(kept).toMatchObject({ items: [{ ignored: 0, parameters: { classes: [0, 255] } }] })
  })

  test('never let a model that finds nothing win a greedy search', async () => {
    const { good, background, dataset } = await uploaded()
    const request = { models: [{ id: background }, { id: good }], strategy: { type: 'greedy' } }
    const refused = await client.search({ ...request, selection: { dataset, metric: 'meanIoU' } })
    expect(refused).toMatchObject({ status: 'failed', error: { code: 'TUREEN_METRIC_MISMATCH' } })
    const ignoring = { name: 'meanIoU', ignoreIndex: 255 }
    expect(await client.search({ ...request, selection: { dataset, metric: ignoring } })).toMatchObject({
      status: 'failed',
    })
    const metric = { name: 'meanIoU', classes: [0, 255] }
    const { winner, ignored } = await client.find({ ...request, selection: { dataset, metric } })
    expect(winner.models).toContain(good)
    expect(ignored).toBe(0)
    expect(winner.score).toBeGreaterThanOrEqual(ofGood - 1e-12)
  })

  test('with a list that names a value twice, or integers and texts, are refused at once', async () => {
    const { good, dataset } = await uploaded()
    for (const [classes, words] of [
      [[0, 0], /classes: must name each value once/],
      [[0, 'car'], /classes: must be all integers or all texts/],
      [[0], /classes/],
    ] as const) {
      const response = await client.ask({ model: good, dataset, metrics: [{ name: 'meanIoU', classes }] })
      expect(response.status).toBe(400)
      expect(await response.text()).toMatch(words)
    }
  })
})

test('the list of metrics says which value is ignored by default', async () => {
  const { items } = metricList.parse(await (await fetch(`${app.url}/v1/metrics`)).json())
  const parameters = (name: string) => items.find(item => item.name === name)?.parameters
  expect(parameters('meanIoU')).toMatchObject({ properties: { ignoreIndex: { default: 255 } } })
  expect(parameters('accuracy')).toMatchObject({ properties: { ignoreIndex: { default: -100 } } })
})

describeShared('the masks of cases/scores', () => {
  const fixture = (name: string) => Uint8Array.from(readFileSync(join(sharedDirectory, 'cases', 'scores', name)))

  test('are refused, or scored with 255 as foreground', async () => {
    const dataset = (await client.addDataset(fixture('masks-0-255.npz'))).id
    for (const [name, value] of [
      ['good.onnx', 0.784],
      ['all-background.onnx', 0.348],
    ] as const) {
      const request = { model: await client.addModel(fixture(name)), dataset }
      expect((await client.evaluate({ ...request, metrics: ['meanIoU'] })).error?.code).toBe('TUREEN_METRIC_MISMATCH')
      const { result } = await client.evaluate({ ...request, metrics: [{ name: 'meanIoU', classes: [0, 255] }] })
      expect(result?.metrics.meanIoU).toBeCloseTo(value, 3)
    }
  })
})
