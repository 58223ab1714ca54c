import onnxProto, { type onnx } from 'onnx-proto'
import { findCorrespondence } from '../../src/export/find-correspondence.ts'
import { indexed } from './exports.ts'
import { valueInfo } from './onnx-model.ts'

const { ModelProto } = onnxProto.onnx

/** A tensor of float32 or float16 values. Values of float16 must be numbers of that type. */
export type SmallTensor = { dims: readonly number[]; values: readonly number[]; dtype?: 'float32' | 'float16' }

const types = { float32: ['F32', 1, 4], float16: ['F16', 10, 2] } as const

function bytesOf({ values, dtype = 'float32' }: SmallTensor): Uint8Array<ArrayBuffer> {
  const array = dtype === 'float32' ? Float32Array.from(values) : Float16Array.from(values)
  return new Uint8Array(array.buffer)
}

/** Returns a file of safetensors (https://huggingface.co/docs/safetensors). */
export function smallCheckpoint(tensors: Record<string, SmallTensor>): Uint8Array<ArrayBuffer> {
  let end = 0
  const header: Record<string, unknown> = {}
  const parts = Object.entries(tensors).map(([key, tensor]) => {
    const bytes = bytesOf(tensor)
    const [dtype] = types[tensor.dtype ?? 'float32']
    header[key] = { dtype, shape: tensor.dims, data_offsets: [end, end + bytes.byteLength] }
    end += bytes.byteLength
    return bytes
  })
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.byteLength))
  return Uint8Array.from(Buffer.concat([length, text, ...parts]))
}

/** Returns a model that adds each tensor to its input. `nodes`: the name of the node that reads a tensor, by the tensor's name. */
export function smallModel(
  tensors: Record<string, SmallTensor>,
  nodes: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const names = Object.keys(tensors)
  const node = names.map((name, index): onnx.INodeProto => {
    return { name: nodes[name] ?? '', opType: 'Mul', input: [`y${index}`, name], output: [`y${index + 1}`] }
  })
  return encodedModel(tensors, node, `y${names.length}`)
}

/** Returns a model of nodes from the input `y0` to an output. */
export function encodedModel(
  tensors: Record<string, SmallTensor>,
  node: readonly onnx.INodeProto[],
  output: string,
): Uint8Array<ArrayBuffer> {
  const initializer = Object.entries(tensors).map(([name, tensor]) => {
    return { name, dims: [...tensor.dims], dataType: types[tensor.dtype ?? 'float32'][1], rawData: bytesOf(tensor) }
  })
  const graph = {
    name: 'small',
    node: [...node],
    initializer,
    input: [valueInfo('y0', 1, ['n'])],
    output: [valueInfo(output, 1, ['n'])],
  }
  const model = { irVersion: 8, opsetImport: [{ domain: '', version: 14 }], graph }
  return Uint8Array.from(ModelProto.encode(ModelProto.create(model)).finish())
}

/** Returns the correspondence of a small model and a small checkpoint. */
export function smallCorrespondence(model: Uint8Array, tensors: Record<string, SmallTensor>) {
  return findCorrespondence(indexed(model), indexed(smallCheckpoint(tensors)))
}

/** Returns a tensor of numbers that no other tensor has. */
export function numbered(dims: readonly number[], seed: number): SmallTensor {
  const count = dims.reduce((product, dim) => product * dim, 1)
  return { dims, values: Array.from({ length: count }, (_, index) => Math.sin(seed * 1000 + index)) }
}
