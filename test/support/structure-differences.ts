import { elementType, float32Tensor, int64Tensor } from './onnx-model.ts'
import { float, type Model, named, tensor } from './varied-model.ts'

/** What an error is to name, and to say. */
type Place = { node?: string; tensor?: string; says?: RegExp }
type Case = [what: string, change: (model: Model) => void, place: Place]

/** One change each that makes a varied model another network, and where an error is to find it. */
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
      named(graph.node, 'add').input = ['b', 'product']
    },
    { node: 'add' },
  ],
  [
    'wiring out',
    ({ graph }) => {
      named(graph.node, 'add').output = ['total']
    },
    { node: 'add' },
  ],
  [
    'a node too many',
    ({ graph }) => {
      graph.node.push({ name: 'late', opType: 'Relu', input: ['y'], output: ['z'] })
    },
    { node: 'late' },
  ],
  [
    'a node that is missing',
    ({ graph }) => {
      graph.node.pop()
    },
    { node: 'reshape' },
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
    { tensor: 'b' },
  ],
  [
    'an initializer too many',
    ({ graph }) => {
      graph.initializer.push(float32Tensor('more', [1], [1]))
    },
    { tensor: 'more' },
  ],
  [
    'the name of an initializer',
    ({ graph }) => {
      named(graph.initializer, 'b').name = 'c'
    },
    { tensor: 'c' },
  ],
  [
    'the opset',
    model => {
      model.opsetImport = [{ domain: '', version: 14 }]
    },
    { says: /opset.*14.*13/i },
  ],
  [
    'an opset too many',
    model => {
      model.opsetImport?.push({ domain: 'mine', version: 1 })
    },
    { says: /opset.*mine/i },
  ],
  [
    'the IR version',
    model => {
      model.irVersion = 9
    },
    { says: /ir.?version.*9.*8/i },
  ],
  [
    "an input's name",
    ({ graph }) => {
      named(graph.input, 'x').name = 'image'
    },
    { says: /input.*image.*x/ },
  ],
  [
    "an input's type",
    ({ graph }) => {
      named(graph.input, 'x').type = { tensorType: { elemType: elementType.float16 } }
    },
    { says: /input.*x/ },
  ],
  [
    "an output's shape",
    ({ graph }) => {
      named(graph.output, 'y').type = { tensorType: { elemType: elementType.float32 } }
    },
    { says: /output.*y/ },
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
    { node: 'half' },
  ],
  [
    'a function of its own',
    model => {
      model.functions = [{ name: 'f', domain: 'mine' }]
    },
    { says: /function/ },
  ],
]
