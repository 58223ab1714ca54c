import onnxProto, { type onnx } from 'onnx-proto'
import { elementType, float32Tensor } from './onnx-model.ts'
import { seededRandom } from './random.ts'

/** Number of channels everywhere in the small network. */
export const channels = 3

export type Layer = { weight: number[]; scale: number[]; bias: number[]; mean: number[]; variance: number[] }

export type SmallModel = onnx.IModelProto & { graph: onnx.IGraphProto & { node: onnx.INodeProto[] } }

const { ModelProto } = onnxProto.onnx

/** Returns layers of MatMul, BatchNormalization and Relu over [batch, channels] values, with random weights from a seed. */
export function randomLayers(count: number, seed: number): Layer[] {
  const random = seededRandom(seed)
  const values = (length: number, from: number, to: number) =>
    Array.from({ length }, () => Math.fround(from + (to - from) * random.next()))
  return Array.from({ length: count }, () => ({
    weight: values(channels * channels, -1, 1),
    scale: values(channels, 0.5, 1.5),
    bias: values(channels, -0.5, 0.5),
    mean: values(channels, -1, 1),
    variance: values(channels, 0.5, 2),
  }))
}

/** Returns the layers as an ONNX model with input x and output y. `change` modifies it for a test. */
export function batchNormModel(
  layers: readonly Layer[],
  change: (model: SmallModel) => void = () => undefined,
): Uint8Array<ArrayBuffer> {
  const value = (name: string) => ({
    name,
    type: {
      tensorType: { elemType: elementType.float32, shape: { dim: [{ dimParam: 'batch' }, { dimValue: channels }] } },
    },
  })
  const last = layers.length - 1
  const model: SmallModel = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 15 }],
    graph: {
      name: 'batch norms',
      node: layers.flatMap((_, index) => [
        { opType: 'MatMul', input: [index === 0 ? 'x' : `out${index - 1}`, `weight${index}`], output: [`in${index}`] },
        {
          opType: 'BatchNormalization',
          name: `norm${index}`,
          input: [`in${index}`, `scale${index}`, `bias${index}`, `mean${index}`, `variance${index}`],
          output: [`normed${index}`],
        },
        { opType: 'Relu', input: [`normed${index}`], output: [index === last ? 'y' : `out${index}`] },
      ]),
      initializer: layers.flatMap(({ weight, scale, bias, mean, variance }, index) => [
        float32Tensor(`weight${index}`, [channels, channels], weight),
        float32Tensor(`scale${index}`, [channels], scale),
        float32Tensor(`bias${index}`, [channels], bias),
        float32Tensor(`mean${index}`, [channels], mean),
        float32Tensor(`variance${index}`, [channels], variance),
      ]),
      input: [value('x')],
      output: [value('y')],
    },
  }
  change(model)
  return Uint8Array.from(ModelProto.encode(ModelProto.create(model)).finish())
}

/** Measures by the definition, in binary64: layer after layer, it takes the moments of all input, and normalises the input by them. */
export function measuredByDefinition(
  layers: readonly Layer[],
  samples: readonly (readonly number[])[],
): { mean: number[]; variance: number[] }[] {
  const epsilon = 1e-5
  let entering = samples
  return layers.map(({ weight, scale, bias }) => {
    const rows = entering.map(row =>
      Array.from({ length: channels }, (_, to) =>
        row.reduce((sum, value, from) => sum + value * (weight[from * channels + to] ?? 0), 0),
      ),
    )
    const column = (channel: number) => rows.map(row => row[channel] ?? 0)
    const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    const mean = Array.from({ length: channels }, (_, channel) => average(column(channel)))
    const variance = mean.map((center, channel) => average(column(channel).map(value => (value - center) ** 2)))
    entering = rows.map(row =>
      row.map((value, channel) => {
        const normed = (value - (mean[channel] ?? 0)) / Math.sqrt((variance[channel] ?? 0) + epsilon)
        return Math.max(0, normed * (scale[channel] ?? 0) + (bias[channel] ?? 0))
      }),
    )
    return { mean, variance }
  })
}

/** Returns the initializers of a model as onnx-proto reads them, decoded as float32. */
export function initializersOf(bytes: Uint8Array): Record<string, number[]> {
  const { graph } = ModelProto.decode(bytes)
  return Object.fromEntries(
    (graph?.initializer ?? []).map(({ name, rawData }) => [
      name ?? '',
      [...new Float32Array(Uint8Array.from(rawData ?? []).buffer)],
    ]),
  )
}

/** Returns random samples for the small network, as rows and flat. */
export function randomSamples(count: number, seed: number): { rows: number[][]; flat: Float32Array<ArrayBuffer> } {
  const random = seededRandom(seed)
  const flat = Float32Array.from({ length: count * channels }, () => random.next() * 4 - 1)
  return {
    flat,
    rows: Array.from({ length: count }, (_, row) => [...flat.subarray(row * channels, (row + 1) * channels)]),
  }
}
