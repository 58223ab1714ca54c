import type { onnx } from 'onnx-proto'
import { ModelProto } from '../../src/onnx/onnx-proto.ts'
import { type NpyArray, npz } from '../support/npz.ts'
import { elementType } from '../support/onnx-model.ts'

/** Blocks and width of each stage of ResNet-50 (He et al., 2015, table 1). */
const stages = [
  [3, 64],
  [4, 128],
  [6, 256],
  [3, 512],
] as const
const [samples, side, classes] = [64, 224, 1000] as const

/** Returns a network with the convolutions, shortcuts and last layer of ResNet-50: 102 MB of random weights. */
export function resnetNetwork(seed: number): Uint8Array<ArrayBuffer> {
  const node: onnx.INodeProto[] = []
  const initializer: onnx.ITensorProto[] = []
  const weight = (dims: number[]): string => {
    const name = `w${initializer.length}`
    const [, ...inner] = dims
    // As large as keeps the activations of every layer alike.
    const scale = Math.sqrt(6 / inner.reduce((product, dim) => product * dim, 1))
    const values = new Float32Array(dims.reduce((product, dim) => product * dim, 1))
    for (let at = 0; at < values.length; at += 1) {
      const hash = Math.imul(at + 1 + initializer.length * 7919, 0x9e3779b1 + 2 * seed)
      values[at] = (scale * Math.imul(hash ^ (hash >>> 15), 0x85ebca6b + 2 * seed)) / 0x80000000
    }
    initializer.push({ name, dims, dataType: elementType.float32, rawData: new Uint8Array(values.buffer) })
    return name
  }
  const add = (opType: string, input: string[], ints: Record<string, number[]> = {}): string => {
    const output = `v${node.length}`
    const attribute = Object.entries(ints).map(([name, values]) => ({ name, type: 7, ints: values }))
    node.push({ opType, input, output: [output], attribute })
    return output
  }
  const conv = (x: string, dims: number[], stride: number): string => {
    const pad = ((dims[2] ?? 1) - 1) / 2
    return add('Conv', [x, weight(dims)], { strides: [stride, stride], pads: [pad, pad, pad, pad] })
  }
  let value = add('Relu', [conv('image', [64, 3, 7, 7], 2)])
  value = add('MaxPool', [value], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })
  let channels = 64
  for (const [stage, [blocks, width]] of stages.entries()) {
    for (let block = 0; block < blocks; block += 1) {
      const stride = stage > 0 && block === 0 ? 2 : 1
      const first = add('Relu', [conv(value, [width, channels, 1, 1], 1)])
      const second = add('Relu', [conv(first, [width, width, 3, 3], stride)])
      const third = conv(second, [4 * width, width, 1, 1], 1)
      const shortcut = block === 0 ? conv(value, [4 * width, channels, 1, 1], stride) : value
      value = add('Relu', [add('Add', [third, shortcut])])
      channels = 4 * width
    }
  }
  const features = add('Flatten', [add('GlobalAveragePool', [value])])
  node.push({ opType: 'MatMul', input: [features, weight([channels, classes])], output: ['logits'] })
  const tensor = (name: string, dims: readonly number[]) => ({
    name,
    type: {
      tensorType: {
        elemType: elementType.float32,
        shape: { dim: [{ dimParam: 'batch' }, ...dims.map(dimValue => ({ dimValue }))] },
      },
    },
  })
  const graph = {
    name: 'resnet-50',
    node,
    initializer,
    input: [tensor('image', [3, side, side])],
    output: [tensor('logits', [classes])],
  }
  const model = { irVersion: 8, opsetImport: [{ domain: '', version: 13 }], graph }
  return Uint8Array.from(ModelProto.encode(ModelProto.create(model)).finish())
}

/** Returns 64 random images with labels, as an .npz. */
export function resnetSamples(): Uint8Array<ArrayBuffer> {
  const image: NpyArray = {
    descr: '<f4',
    shape: [samples, 3, side, side],
    data: Float32Array.from({ length: samples * 3 * side * side }, (_, at) => Math.sin(at * 0.7)),
  }
  const label: NpyArray = {
    descr: '<i8',
    shape: [samples],
    data: BigInt64Array.from({ length: samples }, (_, at) => BigInt((at * 37) % classes)),
  }
  return npz({ image, label })
}
