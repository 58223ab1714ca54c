import { float32Tensor, linearModel } from './onnx-model.ts'
import { seededRandom } from './random.ts'

/** A tensor of a checkpoint: its dims and values, stored as float32. */
export type NetTensor = { dims: number[]; values: number[] }

/** A state dict: tensors by their keys. */
export type StateDict = Record<string, NetTensor>

/** Returns the bytes of a safetensors file with float32 tensors, as the public description of the format says. */
export function safetensorsOf(tensors: StateDict): Buffer<ArrayBuffer> {
  const data: Buffer[] = []
  let at = 0
  const entries = Object.entries(tensors).map(([key, { dims, values }]) => {
    const bytes = Buffer.from(Float32Array.from(values).buffer)
    data.push(bytes)
    const offsets = [at, at + bytes.byteLength]
    at += bytes.byteLength
    return [key, { dtype: 'F32', shape: dims, data_offsets: offsets }]
  })
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.byteLength))
  return Buffer.concat([length, header, ...data])
}

const [inputs, hidden, outputs] = [3, 5, 2]

/** Returns the state dict of a net of two linear layers, `fc1` and `fc2`, as PyTorch names and lays it out. */
export function trainedNet(seed: number): StateDict {
  const random = seededRandom(seed)
  const of = (...dims: number[]): NetTensor => {
    const count = dims.reduce((product, dim) => product * dim, 1)
    return { dims, values: Array.from({ length: count }, () => Math.fround(random.next() - 0.5)) }
  }
  return {
    'fc1.weight': of(hidden, inputs),
    'fc1.bias': of(hidden),
    'fc2.weight': of(outputs, hidden),
    'fc2.bias': of(outputs),
  }
}

/** Returns the ONNX file that an exporter makes of such a net: it transposes the weights for MatMul, and gives them other names. */
export function exportedNet(state: StateDict): Uint8Array<ArrayBuffer> {
  const tensorOf = (key: string) => {
    const tensor = state[key]
    if (!tensor) throw new RangeError(`there is no ${key}`)
    return tensor
  }
  const bias = (layer: string) => {
    const { dims, values } = tensorOf(`${layer}.bias`)
    return float32Tensor(`${layer}.bias`, dims, values)
  }
  const matrix = (layer: string, name: string) => {
    const { dims, values } = tensorOf(`${layer}.weight`)
    const [rows = 0, columns = 0] = dims
    const turned = values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)] ?? 0)
    return float32Tensor(name, [columns, rows], turned)
  }
  const { values } = tensorOf('fc1.weight')
  return linearModel(values, tensorOf('fc1.bias').values, ({ graph }) => {
    graph.initializer = [bias('fc1'), bias('fc2'), matrix('fc1', 'onnx::MatMul_9'), matrix('fc2', 'onnx::MatMul_10')]
    graph.node = [
      { name: '/fc1/MatMul', opType: 'MatMul', input: ['x', 'onnx::MatMul_9'], output: ['product'] },
      { name: '/fc1/Add', opType: 'Add', input: ['product', 'fc1.bias'], output: ['sum'] },
      { name: '/Relu', opType: 'Relu', input: ['sum'], output: ['hidden'] },
      { name: '/fc2/MatMul', opType: 'MatMul', input: ['hidden', 'onnx::MatMul_10'], output: ['product2'] },
      { name: '/fc2/Add', opType: 'Add', input: ['product2', 'fc2.bias'], output: ['y'] },
    ]
    for (const [value, size] of [
      [graph.input?.[0], inputs],
      [graph.output?.[0], outputs],
    ] as const) {
      const dim = value?.type?.tensorType?.shape?.dim?.[1]
      if (dim) dim.dimValue = size
    }
  })
}

/** Returns the mean of states in binary64, each value rounded once to float32. */
export function meanState(states: readonly StateDict[]): StateDict {
  const [first = {}] = states
  return Object.fromEntries(
    Object.entries(first).map(([key, { dims, values }]) => [
      key,
      {
        dims,
        values: values.map((_, at) =>
          Math.fround(states.reduce((sum, state) => sum + (state[key]?.values[at] ?? 0), 0) / states.length),
        ),
      },
    ]),
  )
}
