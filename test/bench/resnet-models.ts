import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import onnxProto from 'onnx-proto'
import { elementType } from '../support/onnx-model.ts'

const { ModelProto } = onnxProto.onnx

export type BenchDtype = 'float32' | 'float16' | 'bfloat16'

/** The weights of ResNet-50's convolutions and of its last layer (He et al., 2015, table 1): 25 million. */
function shapes(): number[][] {
  const found = [[64, 3, 7, 7]]
  let channels = 64
  for (const [blocks, width] of [
    [3, 64],
    [4, 128],
    [6, 256],
    [3, 512],
  ] as const) {
    for (let block = 0; block < blocks; block += 1) {
      found.push([width, channels, 1, 1], [width, width, 3, 3], [4 * width, width, 1, 1])
      if (block === 0) found.push([4 * width, channels, 1, 1])
      channels = 4 * width
    }
  }
  return [...found, [1000, 2048]]
}

/** Writes models of one network that have nothing but those weights, each put out as it is, at random. @returns their paths */
export async function writeResnetModels(directory: string, count: number, dtype: BenchDtype): Promise<string[]> {
  const paths: string[] = []
  for (let model = 0; model < count; model += 1) {
    const path = join(directory, `resnet-${dtype}-${model}.onnx`)
    await writeFile(path, resnet(model + 1, dtype))
    paths.push(path)
  }
  return paths
}

function resnet(seed: number, dtype: BenchDtype): Uint8Array {
  const initializer = shapes().map((dims, index) => {
    const values = new Float32Array(dims.reduce((product, dim) => product * dim, 1))
    // Numbers in [-1, 1): a hash of the place, mixed so that differences between models are as random as the models.
    for (let at = 0; at < values.length; at += 1) {
      const hash = Math.imul(at + 1 + index * 7919, 0x9e3779b1 + 2 * seed)
      values[at] = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b + 2 * seed) / 0x80000000
    }
    return { name: `w${index}`, dims, dataType: elementType[dtype], rawData: stored(values, dtype) }
  })
  const value = (name: string) => ({ name, type: { tensorType: { elemType: elementType[dtype] } } })
  const graph = {
    name: 'resnet-50',
    node: initializer.map(({ name }) => ({ opType: 'Identity', input: [name], output: [`${name}/out`] })),
    initializer,
    output: initializer.map(({ name }) => value(`${name}/out`)),
  }
  const model = { irVersion: 8, opsetImport: [{ domain: '', version: 13 }], graph }
  return ModelProto.encode(ModelProto.create(model)).finish()
}

function stored(values: Float32Array<ArrayBuffer>, dtype: BenchDtype): Uint8Array {
  if (dtype === 'float32') return new Uint8Array(values.buffer)
  if (dtype === 'float16') return new Uint8Array(Float16Array.from(values).buffer)
  // The upper halves: towards zero, which is as random.
  const bits = new Uint32Array(values.buffer)
  return new Uint8Array(Uint16Array.from(bits, each => each >>> 16).buffer)
}
