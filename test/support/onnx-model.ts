import onnxProto, { type onnx } from 'onnx-proto'

const { ModelProto, TensorProto } = onnxProto.onnx

/** ONNX's element type codes that tests use. */
export const elementType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
  float8e4m3fn: 17,
} as const

/** Returns a float32 tensor stored as raw_data. */
export function float32Tensor(name: string, dims: number[], values: readonly number[]): onnx.ITensorProto {
  return { name, dims, dataType: elementType.float32, rawData: new Uint8Array(Float32Array.from(values).buffer) }
}

/** Returns an int64 tensor stored as raw_data. */
export function int64Tensor(name: string, dims: number[], values: readonly number[]): onnx.ITensorProto {
  return { name, dims, dataType: elementType.int64, rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) }
}

/** An input or output of a model. A dim that is a text is open. */
export function valueInfo(name: string, type: number, dims: (string | number)[]): onnx.IValueInfoProto {
  const dim = dims.map(size => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }))
  return { name, type: { tensorType: { elemType: type, shape: { dim } } } }
}

/** Returns the ONNX bytes of y = x W + b, a valid model of a single layer. `change` modifies it. */
export function linearModel(
  weights: readonly number[],
  bias: readonly number[],
  change: (model: onnx.IModelProto & { graph: onnx.IGraphProto }) => void = () => {},
): Uint8Array<ArrayBuffer> {
  const columns = bias.length
  const rows = weights.length / columns
  const matrix = (name: string, width: number) => ({
    name,
    type: {
      tensorType: { elemType: elementType.float32, shape: { dim: [{ dimParam: 'batch' }, { dimValue: width }] } },
    },
  })
  const model = {
    irVersion: 8,
    producerName: 'tureen-tests',
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'linear',
      node: [
        { name: 'multiply', opType: 'MatMul', input: ['x', 'W'], output: ['product'] },
        { name: 'add', opType: 'Add', input: ['product', 'b'], output: ['y'] },
      ],
      initializer: [float32Tensor('W', [rows, columns], weights), float32Tensor('b', [columns], bias)],
      input: [matrix('x', rows)],
      output: [matrix('y', columns)],
    },
  }
  change(model)
  return Uint8Array.from(ModelProto.encode(ModelProto.create(model)).finish())
}

/** Returns the raw_data of an initializer of a model, for tests of models whose tensors are all raw. */
export function rawInitializer(model: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  const tensor = ModelProto.decode(model).graph?.initializer?.find(each => each.name === name)
  return Uint8Array.from(TensorProto.create(tensor ?? {}).rawData)
}
