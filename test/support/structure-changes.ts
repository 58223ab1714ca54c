import { float32Tensor, int64Tensor } from './onnx-model.ts'
import {
  branchOf,
  type Change,
  found,
  nodeOf,
  ofAttribute,
  ofFunction,
  ofGraph,
  ofModel,
  ofNode,
  ofOpset,
  ofTensor,
  onlyAttribute,
  rename,
} from './rich-changes.ts'

/** A change that makes a model another network, with the expected message and its place. */
export type StructuralChange = readonly [
  what: string,
  change: Change,
  place: { node?: string; tensor?: string },
  message: RegExp,
]

export const structuralChanges: readonly StructuralChange[] = [
  [
    'the version of an operator set that nobody knows',
    ofOpset(1, { version: 2 }),
    { node: 'custom' },
    /opset.*custom\.Mix is of opset 2, in the base of opset 1.*does not know the operators of custom/,
  ],
  [
    'an opset version in which an operator means something else',
    ofOpset(0, { version: 6 }),
    { node: 'add' },
    /opset: Add.*since version 1.*since 7/,
  ],
  [
    'the opset of a function, in which an operator means something else',
    ofFunction({ opsetImport: [{ domain: '', version: 6 }] }),
    { node: 'times' },
    /opset: Mul.*since version 1.*since 7/,
  ],
  [
    'the name of an input, not where it is read',
    ofGraph(graph => Object.assign(graph.input?.[0] ?? {}, { name: 'x2' })),
    { node: 'multiply' },
    /input 0 of MatMul is x, which nothing defines, in the base the input x/,
  ],
  [
    'the name of an output, not where it is computed',
    ofGraph(graph => Object.assign(graph.output?.[0] ?? {}, { name: 'y2' })),
    {},
    /the output y2 is y2, which nothing defines, in the base output 0 of Reshape reshape/,
  ],
  ['a further output', ofGraph(graph => graph.output?.push({ name: 'sum' })), {}, /2 outputs, the base 1.*Add add/],
  ['an output less', ofGraph(graph => graph.output?.pop()), {}, /0 outputs, the base 1.*Reshape reshape/],
  [
    'the element type of an input',
    ofGraph(graph => Object.assign(graph.input?.[0]?.type?.tensorType ?? {}, { elemType: 10 })),
    { node: 'multiply' },
    /the input x \(float16.*the input x \(float32/,
  ],
  ['the operator of a node', ofNode('add', { opType: 'Sub' }), { node: 'add' }, /Sub.*Add/],
  ['the domain of a node', ofNode('custom', { domain: 'other' }), { node: 'custom' }, /other\.Mix.*custom\.Mix/],
  [
    'an edge',
    ofNode('add', { input: ['x', 'b'] }),
    { node: 'add' },
    /input 0 of Add is the input x.*in the base output 0 of MatMul multiply/,
  ],
  [
    'an edge to another tensor',
    ofNode('add', { input: ['product', 'W'] }),
    { tensor: 'W' },
    /\[3, 2\].*\[2\] \(b\).*Add add/,
  ],
  [
    'an edge to another output of a node',
    ofNode('twice', { input: ['half'] }),
    { node: 'times', tensor: 'half' },
    /half.*in the base output 0 of Mix custom/,
  ],
  [
    'the order of edges',
    ofNode('multiply', { input: ['W', 'x'] }),
    { node: 'multiply', tensor: 'W' },
    /input 0.*W.*input x/,
  ],
  ['an edge more', ofNode('add', { input: ['product', 'b', 'W'] }), { node: 'add' }, /0, 1, 2.*0, 1\)/],
  ['an edge less', ofNode('add', { input: ['product'] }), { node: 'add' }, /\(0\).*0, 1\)/],
  ['an edge left out', ofNode('add', { input: ['', 'b'] }), { node: 'add' }, /-, 1.*0, 1\)/],
  [
    'the name of an intermediate value, not where it is read',
    ofNode('add', { output: ['other'] }),
    { node: 'leak' },
    /sum, which nothing defines.*Add add/,
  ],
  ['how many outputs a node has', ofNode('add', { output: ['sum', 'more'] }), { node: 'add' }, /2 outputs.*1 \(add\)/],
  [
    'which output of a node is read',
    ofNode('add', { output: ['', 'sum'] }),
    { node: 'leak' },
    /output 1 of.*output 0 of/,
  ],
  [
    'a node more',
    ofGraph(graph => {
      graph.node?.push({ name: 'last', opType: 'Relu', input: ['y'], output: ['z'] })
      Object.assign(graph.output?.[0] ?? {}, { name: 'z' })
    }),
    { node: 'last' },
    /has Relu last.*where the base has none/,
  ],
  [
    'a node less',
    ofGraph(graph => Object.assign(graph.output?.[0] ?? {}, { name: 'doubled' })),
    { node: 'reshape' },
    /has none where the base has Reshape reshape/,
  ],
  [
    'a node in the middle',
    ofGraph(graph => {
      rename(graph, 'sum', 'new sum')
      graph.node?.push({ name: 'new', opType: 'Relu', input: ['sum'], output: ['new sum'] })
      Object.assign(found(graph.node?.[2], 'add'), { output: ['sum'] })
    }),
    { node: 'new' },
    /has Relu new after Add add, before LeakyRelu leak where the base has none/,
  ],
  [
    'two nodes exchanged',
    model => {
      ofNode('leak', { input: ['product'] })(model)
      ofNode('add', { input: ['scaled', 'b'] })(model)
      for (const branch of ['then_branch', 'else_branch'] as const) rename(branchOf(model, branch), 'scaled', 'sum')
    },
    { node: 'leak' },
    /LeakyRelu leak after MatMul.*where the base has Add add/,
  ],
  [
    'a float attribute',
    ofAttribute('leak', 'alpha', { f: 0.5 }),
    { node: 'leak' },
    /attribute alpha: is float 0\.5, in the base float 0\.25/,
  ],
  ['a float attribute of -0', ofAttribute('leak', 'alpha', { f: -0 }), { node: 'leak' }, /alpha/],
  ['a float attribute of NaN', ofAttribute('leak', 'alpha', { f: Number.NaN }), { node: 'leak' }, /alpha.*NaN/],
  ['a text attribute', ofAttribute('custom', 'mode', { s: Buffer.from('cubic') }), { node: 'custom' }, /mode/],
  ['an attribute of whole numbers', ofAttribute('custom', 'axes', { ints: [0, 2] }), { node: 'custom' }, /axes/],
  ['the order in an attribute of numbers', ofAttribute('custom', 'axes', { ints: [1, 0] }), { node: 'custom' }, /axes/],
  ['an attribute of floats', ofAttribute('custom', 'scales', { floats: [1, 2.25] }), { node: 'custom' }, /scales/],
  [
    'an attribute of texts',
    ofAttribute('custom', 'labels', { strings: [Buffer.from('a'), Buffer.from('c')] }),
    { node: 'custom' },
    /labels/,
  ],
  [
    'the type in an attribute',
    ofAttribute('custom', 'kind', { tp: { sequenceType: { elemType: { tensorType: { elemType: 7 } } } } }),
    { node: 'custom' },
    /kind.*7.*1/,
  ],
  ['the name of an attribute', ofAttribute('leak', 'alpha', { name: 'beta' }), { node: 'leak' }, /attribute.*beta/],
  ['the kind of an attribute', ofAttribute('leak', 'alpha', { type: 2 }), { node: 'leak' }, /alpha/],
  ['an attribute more', onlyAttribute('add', { name: 'axis', i: 1, type: 2 }), { node: 'add' }, /attribute/],
  ['an attribute less', model => void nodeOf(model, 'custom').attribute?.pop(), { node: 'custom' }, /attribute/],
  [
    'the shape of a Constant',
    ofAttribute('constant', 'value', { t: float32Tensor('', [2, 1], [1, 2]) }),
    { node: 'constant', tensor: 'offset' },
    /float32\[2, 1\].*float32\[2\]/,
  ],
  [
    'the type of a Constant',
    ofAttribute('constant', 'value', { t: int64Tensor('', [2], [1, 2]) }),
    { node: 'constant', tensor: 'offset' },
    /int64\[2\].*float32\[2\]/,
  ],
  [
    'the operator in a branch of an If',
    model => void Object.assign(found(branchOf(model, 'else_branch').node?.[0], 'node'), { opType: 'Div' }),
    { node: 'else scale' },
    /Div.*Mul/,
  ],
  [
    'what one branch of an If computes, by the other',
    model => {
      const branch = branchOf(model, 'else_branch')
      branch.output = [{ name: 'scaled' }]
    },
    { node: 'else scale' },
    /has none where the base has Mul else scale after LeakyRelu leak/,
  ],
  [
    'the shape of a tensor in a branch',
    model => void Object.assign(found(branchOf(model, 'then_branch').initializer?.[0], 'tensor'), { dims: [2, 1] }),
    { tensor: 'then.factor' },
    /\[2, 1\].*\[2\], read by Mul then scale/,
  ],
  ['the dims of an initializer', ofTensor('W', { dims: [2, 3] }), { tensor: 'W' }, /float32\[2, 3\].*float32\[3, 2\]/],
  [
    'the element type of an initializer',
    ofTensor('half', { dataType: 16 }),
    { tensor: 'half' },
    /bfloat16\[3\].*float16\[3\]/,
  ],
  [
    'an initializer less',
    ofGraph(graph => graph.initializer?.shift()),
    { node: 'multiply' },
    /input 1 of MatMul is W, which nothing defines/,
  ],
  [
    'the shape of a sparse initializer',
    ofGraph(graph => Object.assign(graph.sparseInitializer?.[0] ?? {}, { dims: [2, 3] })),
    { tensor: 'sparse' },
    /sparse in \[2, 3\].*sparse in \[6\]/,
  ],
  [
    'how many elements of a sparse initializer are stored',
    ofGraph(graph => Object.assign(graph.sparseInitializer?.[0]?.values ?? {}, float32Tensor('sparse', [1], [1]))),
    { tensor: 'sparse' },
    /float32\[1\] sparse.*float32\[2\] sparse/,
  ],
  [
    'the body of a function',
    model => void Object.assign(found(model.functions?.[0]?.node?.[1], 'node'), { opType: 'Add' }),
    { node: 'times' },
    /Add.*Mul/,
  ],
  ['the name of a function', ofFunction({ name: 'Thrice' }), { node: 'twice' }, /custom\.Twice twice.*Mul times/],
  ['a function less', ofModel({ functions: [] }), { node: 'twice' }, /custom\.Twice twice.*Mul times/],
  [
    'what training assigns',
    model =>
      void Object.assign(found(model.trainingInfo?.[0], 'training'), { updateBinding: [{ key: 'b', value: 'W_new' }] }),
    { tensor: 'b' },
    /float32\[2\].*float32\[3, 2\]/,
  ],
  [
    'that training assigns something',
    model => void Object.assign(found(model.trainingInfo?.[0], 'training'), { updateBinding: [] }),
    {},
    /1 training outputs, the base 3/,
  ],
  [
    'a step of training',
    model => void Object.assign(found(model.trainingInfo?.[0]?.algorithm?.node?.[0], 'step'), { opType: 'Div' }),
    { node: 'descend' },
    /Div.*Mul/,
  ],
  ['training information', ofModel({ trainingInfo: [] }), {}, /0 training outputs, the base 3/],
]
