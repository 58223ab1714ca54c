import fc from 'fast-check'
import type { onnx } from 'onnx-proto'
import { float, functions, graphOf, int, ints, text } from './grown-parts.ts'
import { elementType, float32Tensor, int64Tensor } from './onnx-model.ts'
import { encodeModel } from './rich-model.ts'

/** One operator of a growing model: its kind, the existing values that it reads, the width of its tensors, and its inner graph. */
type Step = { kind: number; reads: readonly [number, number]; size: number; inner: readonly Step[] }

/** A place where nodes grow: the values that they may read, and the nodes that they add. */
type Bed = {
  graph: onnx.IGraphProto & { node: onnx.INodeProto[]; initializer: onnx.ITensorProto[] }
  values: string[]
  /** Values that nothing has read so far. */
  unread: Set<string>
  fresh(): string
}

const filled = (count: number) => Array.from({ length: count }, (_, index) => index + 0.5)

function sparseTensor(name: string, size: number): onnx.ISparseTensorProto {
  return {
    values: float32Tensor(name, [2], [1.5, 2.5]),
    indices: int64Tensor('', [2], [0, size]),
    dims: [size, size + 1],
  }
}

type Grow = (bed: Bed, reads: readonly [string, string], step: Step) => void

function add(bed: Bed, opType: string, input: string[], attribute: onnx.IAttributeProto[] = [], domain = ''): void {
  const output = [bed.fresh()]
  put(bed, { name: `${opType} ${output}`, opType, input, output, attribute, domain })
}

function put(bed: Bed, node: onnx.INodeProto): void {
  bed.graph.node.push(node)
  for (const name of node.input ?? []) bed.unread.delete(name)
  for (const name of node.output ?? []) {
    bed.values.push(name)
    bed.unread.add(name)
  }
}

/** Returns one value that depends on all nodes that have grown. */
function gathered(bed: Bed): string {
  add(bed, 'Concat', [...bed.unread], [int('axis', 0)])
  return bed.values.at(-1) ?? ''
}

function held(bed: Bed, tensor: (name: string) => onnx.ITensorProto): string {
  const name = bed.fresh()
  bed.graph.initializer.push(tensor(name))
  return name
}

function constant(bed: Bed, attribute: onnx.IAttributeProto): string {
  const name = bed.fresh()
  bed.graph.node.push({ name: `holds ${name}`, opType: 'Constant', output: [name], attribute: [attribute] })
  return name
}

/** Returns a graph inside a node. It reads the values around it. */
function inside(
  bed: Bed,
  steps: readonly Step[],
  inputs: readonly string[],
  more: readonly string[] = [],
): onnx.IGraphProto {
  const graph = { name: bed.fresh(), node: [], initializer: [], input: inputs.map(name => ({ name })) }
  const inner: Bed = { ...bed, graph, values: [...bed.values, ...inputs], unread: new Set() }
  growAll(inner, [...steps, { kind: 1, reads: [0, 1], size: 1, inner: [] }])
  return { ...graph, output: [...more, gathered(inner)].map(name => ({ name })) }
}

const kinds: readonly Grow[] = [
  (bed, [a]) => add(bed, 'Relu', [a]),
  (bed, [a, b]) => add(bed, 'Sub', [a, b]),
  (bed, [a, b]) => add(bed, 'Add', [a, b]),
  (bed, [a], { size }) => add(bed, 'MatMul', [a, held(bed, name => float32Tensor(name, [size, 2], filled(size * 2)))]),
  (bed, [a], { size }) => {
    const weights = held(bed, name => float32Tensor(name, [size, 3], filled(size * 3)))
    const bias = held(bed, name => ({ name, dims: [3], dataType: elementType.float32, floatData: filled(3) }))
    add(bed, 'Gemm', [a, weights, bias], [float('alpha', 0.5), int('transB', 1)])
  },
  (bed, [a], { size }) => {
    const weights = held(bed, name => float32Tensor(name, [2, 1, size, size], filled(2 * size * size)))
    add(
      bed,
      'Conv',
      [a, weights],
      [ints('kernel_shape', [size, size]), ints('strides', [2, 1]), text('auto_pad', 'VALID')],
    )
  },
  (bed, [a], { size }) =>
    add(bed, 'Add', [a, constant(bed, { name: 'value', type: 4, t: float32Tensor('', [size], filled(size)) })]),
  (bed, [a], { size }) => add(bed, 'Mul', [a, constant(bed, float('value_float', size))]),
  (bed, [a], { size }) => add(bed, 'Div', [a, constant(bed, { name: 'value_floats', type: 6, floats: filled(size) })]),
  (bed, [a], { size }) => add(bed, 'Reshape', [a, constant(bed, ints('value_ints', [size, -1]))]),
  (bed, [a], { size }) => add(bed, 'Gather', [a, constant(bed, int('value_int', size))], [int('axis', 1)]),
  (bed, [a], { size }) => add(bed, 'Gather', [a, held(bed, name => int64Tensor(name, [2], [0, size]))]),
  (bed, [a], { size }) => {
    const strings = [Buffer.from('ab'), Buffer.from('c'.repeat(size))]
    const words = constant(bed, { name: 'value_strings', type: 8, strings })
    add(
      bed,
      'Look',
      [a, words, constant(bed, text('value_string', 'd'.repeat(size)))],
      [text('mode', 'fast')],
      'custom',
    )
  },
  (bed, [a], { size }) => {
    const tensor = sparseTensor(bed.fresh(), size)
    bed.graph.sparseInitializer = [...(bed.graph.sparseInitializer ?? []), tensor]
    add(bed, 'MatMul', [a, tensor.values?.name ?? ''])
  },
  (bed, [a], { size }) =>
    add(bed, 'MatMul', [a, constant(bed, { name: 'sparse_value', type: 11, sparseTensor: sparseTensor('', size) })]),
  (bed, [a], { size }) => add(bed, 'Clip', [a, '', held(bed, name => float32Tensor(name, [], [size]))]),
  (bed, [a], { size }) => {
    const output = [bed.fresh(), bed.fresh()]
    put(bed, { opType: 'Split', input: [a], output, attribute: [int('axis', size)] })
  },
  (bed, [a, b], { size }) => add(bed, 'Bend', [a, b], [float('slope', size / 8)], 'custom'),
  (bed, [a], { inner }) => {
    const [yes, no] = [inside(bed, inner.slice(0, 2), []), inside(bed, inner.slice(2), [])]
    add(bed, 'If', [a], [graphOf('then_branch', yes), graphOf('else_branch', no)])
  },
  (bed, [a], { inner, size }) => {
    const [index, on, state] = [bed.fresh(), bed.fresh(), bed.fresh()]
    const body = inside(bed, inner, [index, on, state], [on])
    add(bed, 'Loop', [held(bed, name => int64Tensor(name, [], [size])), '', a], [graphOf('body', body)])
  },
]

function growAll(bed: Bed, steps: readonly Step[]): void {
  for (const step of steps) {
    // From the end, so that most of what grows is read again.
    const read = (from: number) => bed.values.at(-1 - (from % Math.min(4, bed.values.length))) ?? ''
    kinds[step.kind % kinds.length]?.(bed, [read(step.reads[0]), read(step.reads[1])], step)
  }
}

function grown(steps: readonly Step[]): Uint8Array<ArrayBuffer> {
  let count = 0
  const fresh = () => {
    count += 1
    return `v${count}`
  }
  const value = (name: string) => ({ name, type: { tensorType: { elemType: elementType.float32 } } })
  const graph = { name: 'grown', node: [], initializer: [], input: [value('x'), value('z')] }
  const bed: Bed = { graph, values: ['x', 'z'], unread: new Set(), fresh }
  growAll(bed, [{ kind: 1, reads: [0, 1], size: 1, inner: [] }, ...steps])
  const outputs = [bed.values.at(-1) ?? '', gathered(bed)]
  return encodeModel({
    irVersion: 8,
    opsetImport: [
      { domain: '', version: 13 },
      { domain: 'custom', version: 1 },
    ],
    graph: { ...graph, output: outputs.map(name => ({ name })) },
    functions,
  })
}

function steps(depth: number): fc.Arbitrary<Step[]> {
  const step = fc.record({
    kind: fc.nat(kinds.length - 1),
    reads: fc.tuple(fc.nat(3), fc.nat(3)),
    size: fc.integer({ min: 1, max: 4 }),
    inner: depth > 0 ? steps(depth - 1) : fc.constant([]),
  })
  return fc.array(step, { minLength: 1, maxLength: depth === 2 ? 12 : 4 })
}

/** Models with subgraphs, functions, sparse tensors and Constants of all kinds, all live. A runtime need not be able to run them. */
export const grownModel: fc.Arbitrary<Uint8Array<ArrayBuffer>> = steps(2).map(grown)
