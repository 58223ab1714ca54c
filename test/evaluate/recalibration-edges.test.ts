import onnxProto from 'onnx-proto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  batchNormModel,
  channels,
  initializersOf,
  type Layer,
  measuredByDefinition,
  randomLayers,
  randomSamples,
  type SmallModel,
} from '../support/batch-norm-model.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { uploadInFiles } from '../support/external-client.ts'
import { merge, mergedContent, uploadModel } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { elementType, rawInitializer } from '../support/onnx-model.ts'
import { evaluating, startApp } from '../support/server.ts'

const { ModelProto } = onnxProto.onnx

let app: Awaited<ReturnType<typeof startApp>>
let dataset: string
const count = 10
const samples = randomSamples(count, 5)
const layers = randomLayers(2, 4)

beforeAll(async () => {
  app = await startApp(evaluating)
  dataset = await addSamples(samples.flat)
})
afterAll(() => app.close())

async function addSamples(flat: Float32Array<ArrayBuffer>): Promise<string> {
  const x = { descr: '<f4', shape: [flat.length / channels, channels], data: flat }
  return (await evaluationClient(app.url).addDataset(npz({ x }))).id
}

/** Recalibrates the model that the layers make, by itself. */
async function recalibrated(change?: (model: SmallModel) => void, on = dataset, of: readonly Layer[] = layers) {
  const { id } = await uploadModel(app.url, batchNormModel(of, change))
  return merge(app.url, { models: [{ id }], recalibrate: { dataset: on } })
}

function expectClose(actual: number[] | undefined, expected: number[] | undefined, relative: number) {
  expect(actual).toHaveLength(channels)
  for (const [channel, value] of (expected ?? []).entries())
    expect(Math.abs((actual?.[channel] ?? 0) - value)).toBeLessThanOrEqual(relative * Math.abs(value))
}

it('a model with a fixed batch size is measured on full batches alone', async () => {
  const job = await recalibrated(({ graph }) => {
    for (const value of [...(graph.input ?? []), ...(graph.output ?? [])]) {
      const dim = value.type?.tensorType?.shape?.dim?.[0]
      if (dim) Object.assign(dim, { dimParam: undefined, dimValue: 4 })
    }
  })
  expect(job.result?.report.recalibration?.samples).toBe(8)
  const found = initializersOf(await mergedContent(app.url, job))
  for (const [index, { mean, variance }] of measuredByDefinition(layers, samples.rows.slice(0, 8)).entries()) {
    expectClose(found[`mean${index}`], mean, 1e-4)
    expectClose(found[`variance${index}`], variance, 1e-4)
  }
})

it('what cannot be measured keeps the averaged statistics, and the others are measured behind them', async () => {
  const job = await recalibrated(({ graph }) => void graph.output?.push({ ...graph.output[0], name: 'mean0' }))
  expect(job.result?.report.recalibration).toMatchObject({
    passes: 1,
    layers: [{ node: 'norm1', channels }],
    left: [{ node: 'norm0', reason: expect.stringMatching(/mean0/) }],
  })
  const found = initializersOf(await mergedContent(app.url, job))
  expect(found.mean0).toEqual(layers[0]?.mean)
  expect(found.mean1).not.toEqual(layers[1]?.mean)
})

it('statistics in half precision are rounded once, and what is beyond them is refused', async () => {
  const half = ({ graph }: SmallModel) => {
    const toHalf = (values: Uint8Array) =>
      new Uint8Array(Float16Array.from(new Float32Array(Uint8Array.from(values).buffer)).buffer)
    for (const tensor of graph.initializer ?? []) {
      tensor.dataType = elementType.float16
      tensor.rawData = toHalf(tensor.rawData ?? new Uint8Array())
    }
    graph.node.unshift({ opType: 'Cast', input: ['x'], output: ['half'], attribute: [{ name: 'to', type: 2, i: 10 }] })
    graph.node[1]?.input?.splice(0, 1, 'half')
    graph.node.at(-1)?.output?.splice(0, 1, 'last')
    graph.node.push({ opType: 'Cast', input: ['last'], output: ['y'], attribute: [{ name: 'to', type: 2, i: 1 }] })
  }
  const job = await recalibrated(half)
  expect(job.error).toBeUndefined()
  const bytes = await mergedContent(app.url, job)
  const [expected] = measuredByDefinition(layers, samples.rows)
  expectClose(halvesOf(bytes, 'mean0'), expected?.mean, 5e-3)
  expectClose(halvesOf(bytes, 'variance0'), expected?.variance, 5e-3)

  const wide = await recalibrated(half, await addSamples(samples.flat.map(value => value * 1000)))
  expect(wide.error).toMatchObject({
    code: 'TUREEN_RECALIBRATION_IMPOSSIBLE',
    detail: expect.stringMatching(/float16/),
  })
})

it('statistics in bfloat16 that the model casts, and in a Constant, are measured', async () => {
  const job = await recalibrated(({ graph }) => {
    const { initializer = [] } = graph
    const tensorOf = (name: string) => initializer?.find(each => each.name === name)
    const mean = tensorOf('mean0')
    const floats = new Uint16Array(Uint8Array.from(mean?.rawData ?? []).buffer)
    // The upper half of a float32 is a bfloat16.
    const upper = new Uint8Array(floats.filter((_, at) => at % 2 === 1).buffer)
    Object.assign(mean ?? {}, { dataType: elementType.bfloat16, rawData: upper })
    const variance = tensorOf('variance0')
    graph.initializer = initializer?.filter(each => each !== variance) ?? null
    graph.node.unshift(
      { opType: 'Cast', input: ['mean0'], output: ['cast'], attribute: [{ name: 'to', type: 2, i: 1 }] },
      { opType: 'Constant', output: ['variance0'], attribute: [{ name: 'value', type: 4, t: { ...variance } }] },
    )
    graph.node.find(({ name }) => name === 'norm0')?.input?.splice(3, 1, 'cast')
  })
  expect(job.error).toBeUndefined()
  expect(job.result?.report.recalibration?.left).toEqual([])
  const { graph } = ModelProto.decode(await mergedContent(app.url, job))
  const codes = new Uint16Array(
    Uint8Array.from(graph?.initializer?.find(each => each.name === 'mean0')?.rawData ?? []).buffer,
  )
  const means = [...new Float32Array(Uint32Array.from(codes, code => code << 16).buffer)]
  const variances = [...new Float32Array(Uint8Array.from(graph?.node?.[1]?.attribute?.[0]?.t?.rawData ?? []).buffer)]
  const [expected] = measuredByDefinition(layers, samples.rows)
  expectClose(means, expected?.mean, 2 ** -8)
  expectClose(variances, expected?.variance, 1e-4)
})

it('data with NaN fail the job, naming node and tensor', async () => {
  const job = await recalibrated(
    undefined,
    await addSamples(samples.flat.map((value, at) => (at === 7 ? Number.NaN : value))),
  )
  expect(job).toMatchObject({
    status: 'failed',
    error: { code: 'TUREEN_RECALIBRATION_IMPOSSIBLE', errors: [{ node: 'norm0', tensor: 'mean0' }] },
  })
})

it('statistics in a data file are replaced there', async () => {
  const outside = (model: SmallModel) => {
    let offset = 0
    for (const tensor of model.graph.initializer ?? []) {
      const length = tensor.rawData?.byteLength ?? 0
      const entries = { location: 'weights.bin', offset: String(offset), length: String(length) }
      tensor.externalData = Object.entries(entries).map(([key, value]) => ({ key, value }))
      tensor.dataLocation = 1
      tensor.rawData = null
      offset += length
    }
  }
  const inside = batchNormModel(layers)
  const data = Object.values(initializersOf(inside)).flatMap(values => [
    ...new Uint8Array(Float32Array.from(values).buffer),
  ])
  const main = batchNormModel(layers, outside)
  const id = await uploadInFiles(app.url, { main, data: { 'weights.bin': Uint8Array.from(data) } })
  const job = await merge(app.url, { models: [{ id }], recalibrate: { dataset } })
  const other = await recalibrated()
  const content = await fetch(`${app.url}/v1/models/${job.result?.model.id}/content?external=inline`)
  const found = initializersOf(new Uint8Array(await content.arrayBuffer()))
  expect(found).toEqual(initializersOf(await mergedContent(app.url, other)))
  expect(found.mean1).not.toEqual(layers[1]?.mean)
})

function halvesOf(bytes: Uint8Array, name: string): number[] {
  return [...new Float16Array(rawInitializer(bytes, name).buffer)]
}
