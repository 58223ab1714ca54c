import { elementType, float32Tensor, int64Tensor } from './onnx-model.ts'
import { float, type Model, named, tensor } from './varied-model.ts'

/** Expected place and words of an error. */
type Place = { node?: string; tensor?: string; says?: RegExp }
type Case = [what: string, change: (model: Model) => void, place: Place]

/** Changes that each make a varied model another network, with the place that an error must name. */
export const structureDifferences: Case[] = [
  [
    'an operator',
    ({ graph }) => {
      named(graph.node, 'add').opType = 'Sub'
    },
    { node: 'add', says: /Sub.*Add/ },
  ],
  [
    'the domain of an operator',
    ({ graph }) => {
      named(graph.node, 'add').domain = 'mine'
    },
    { node: 'add' },
  ],
  [
    'an attribute',
    ({ graph }) => {
      named(graph.node, 'leaky').attribute = [float('alpha', 0.25)]
    },
    { node: 'leaky', says: /0\.25.*0\.125/ },
  ],
  [
    'an attribute that is missing',
    ({ graph }) => {
      named(graph.node, 'leaky').attribute = []
    },
    { node: 'leaky' },
  ],
  [
    'an attribute too many',
    ({ graph }) => {
      named(graph.node, 'leaky').attribute?.push(float('beta', 1))
    },
    { node: 'leaky' },
  ],
  [
    'wiring in',
    ({ graph }) => {
      named(graph.node, 'add').input = ['x', 'b']
    },
    { node: 'add', says: /input x.*MatMul multiply/ },
  ],
  [
    'the order of what is read',
    ({ graph }) => {
      named(graph.node, 'multiply').input = ['W', 'x']
    },
    { node: 'multiply', tensor: 'W', says: /W.*input x/ },
  ],
  [
    'wiring out',
    ({ graph }) => {
      named(graph.node, 'add').output = ['total']
    },
    { node: 'leaky', says: /sum, which nothing defines/ },
  ],
  [
    'a node too many',
    ({ graph }) => {
      graph.node.push({ name: 'late', opType: 'Relu', input: ['y'], output: ['z'] })
      named(graph.output, 'y').name = 'z'
    },
    { node: 'late', says: /Relu late.*the base has none/ },
  ],
  [
    'an output too many',
    ({ graph }) => {
      graph.output.push({ name: 'sum' })
    },
    { says: /2 outputs, the base 1/ },
  ],
  [
    'a node that is missing',
    ({ graph }) => {
      graph.node.pop()
      named(graph.output, 'y').name = 'mixed'
    },
    { node: 'reshape', says: /has none where the base has Reshape reshape/ },
  ],
  [
    'a node inside a subgraph',
    ({ graph }) => {
      named(named(graph.node, 'choose').attribute?.[0]?.g?.node ?? [], 'Relu inside').opType = 'Neg'
    },
    { says: /Neg.*Relu/, node: 'Relu inside' },
  ],
  [
    'the dims of an initializer',
    ({ graph }) => {
      named(graph.initializer, 'W').dims = [4, 1]
    },
    { tensor: 'W', says: /4, 1.*2, 2/ },
  ],
  [
    'the type of an initializer',
    ({ graph }) => {
      Object.assign(named(graph.initializer, 'b'), { dataType: elementType.float64, rawData: new Uint8Array(16) })
    },
    { tensor: 'b', says: /float64.*float32/ },
  ],
  [
    'an initializer that is missing',
    ({ graph }) => {
      graph.initializer = graph.initializer.filter(({ name }) => name !== 'b')
    },
    { node: 'add', says: /b, which nothing defines, in the base the tensor b/ },
  ],
  [
    'the name of an initializer, not where it is read',
    ({ graph }) => {
      named(graph.initializer, 'b').name = 'c'
    },
    { node: 'add', says: /b, which nothing defines, in the base the tensor b/ },
  ],
  [
    'an initializer that stands twice, the last of another shape',
    ({ graph }) => {
      graph.initializer.push(float32Tensor('b', [1], [1]))
    },
    { tensor: 'b', says: /float32\[1\].*float32\[2\]/ },
  ],
  [
    'the opset, in which an operator means something else',
    model => {
      model.opsetImport = [
        { domain: '', version: 6 },
        { domain: 'tests', version: 1 },
      ]
    },
    { node: 'add', says: /opset.*since version 1.*since 7/ },
  ],
  [
    'the version of an operator set that nobody knows',
    model => {
      Object.assign(model.opsetImport?.find(({ domain }) => domain === 'tests') ?? {}, { version: 2 })
    },
    { node: 'mix', says: /opset.*Mix is of opset 2, in the base of opset 1.*does not know the operators of tests/ },
  ],
  [
    "an input's type",
    ({ graph }) => {
      named(graph.input, 'x').type = { tensorType: { elemType: elementType.float16 } }
    },
    { node: 'multiply', says: /the input x \(float16.*the input x \(float32/ },
  ],
  [
    'an int64 Constant',
    ({ graph }) => {
      named(graph.node, 'axis').attribute = [tensor(int64Tensor('', [1], [0]))]
    },
    { node: 'axis' },
  ],
  [
    'the shape of a Constant',
    ({ graph }) => {
      named(graph.node, 'half').attribute = [tensor(float32Tensor('', [], [0.5]))]
    },
    { node: 'half', tensor: 'half', says: /float32\[\].*float32\[1\]/ },
  ],
  [
    'a function of its own for an operator',
    model => {
      model.functions = [{ name: 'Mix', domain: 'tests', input: ['v'], output: ['w'], node: [neg('v', 'w')] }]
    },
    { node: 'neg', says: /Neg neg.*tests\.Mix mix/ },
  ],
]

function neg(input: string, output: string) {
  return { name: 'neg', opType: 'Neg', input: [input], output: [output] }
}
