import type { onnx } from 'onnx-proto'
import { float32Tensor, int64Tensor } from './onnx-model.ts'
import type { RichModel } from './rich-model.ts'

/** What makes a variant of {@link richModel}. */
export type Change = (model: RichModel) => void

function found<Item>(item: Item | null | undefined, what: string): Item {
  if (item === undefined || item === null) throw new Error(`there is no ${what}`)
  return item
}

function nodeOf({ graph }: RichModel, name: string): onnx.INodeProto {
  return found(
    graph.node?.find(each => each.name === name),
    name,
  )
}

function attributeOf(model: RichModel, node: string, name: string): onnx.IAttributeProto {
  return found(
    nodeOf(model, node).attribute?.find(each => each.name === name),
    name,
  )
}

function tensorOf({ graph }: RichModel, name: string): onnx.ITensorProto {
  return found(
    graph.initializer?.find(each => each.name === name),
    name,
  )
}

function branchOf(model: RichModel, name: 'then_branch' | 'else_branch'): onnx.IGraphProto {
  return found(attributeOf(model, 'choose', name).g, name)
}

const ofModel =
  (values: onnx.IModelProto): Change =>
  model =>
    void Object.assign(model, values)
const ofGraph =
  (change: (graph: onnx.IGraphProto) => unknown): Change =>
  ({ graph }) =>
    void change(graph)
const ofNode =
  (name: string, values: onnx.INodeProto): Change =>
  model =>
    void Object.assign(nodeOf(model, name), values)
const ofAttribute =
  (node: string, name: string, values: onnx.IAttributeProto): Change =>
  model =>
    void Object.assign(attributeOf(model, node, name), values)
const ofTensor =
  (name: string, values: onnx.ITensorProto): Change =>
  model =>
    void Object.assign(tensorOf(model, name), values)
const ofFunction =
  (values: onnx.IFunctionProto): Change =>
  model =>
    void Object.assign(found(model.functions?.[0], 'function'), values)

/** Changes one dimension of an input, an output or a value_info. */
const ofDimension = (
  list: 'input' | 'output' | 'valueInfo',
  dimension: number,
  values: onnx.TensorShapeProto.IDimension,
): Change =>
  ofGraph(graph => {
    const dim = graph[list]?.[0]?.type?.tensorType?.shape?.dim?.[dimension]
    Object.assign(found(dim, list), values)
  })

/** The base, all its attributes of one node replaced by one. */
export const onlyAttribute = (node: string, attribute: onnx.IAttributeProto): Change =>
  ofNode(node, { attribute: [attribute] })

/** Changes that leave two models fit to be averaged. */
export const neutralChanges: Record<string, Change> = {
  'another producer': ofModel({ producerName: 'other', producerVersion: '2' }),
  'no producer': model => {
    delete model.producerName
    delete model.producerVersion
  },
  'other doc strings': model => {
    ofModel({ docString: 'other' })(model)
    ofGraph(graph => Object.assign(graph, { docString: 'other' }))(model)
    ofNode('multiply', { docString: 'other' })(model)
    ofNode('add', { docString: 'one where none was' })(model)
    ofTensor('b', { docString: '' })(model)
  },
  'other metadata': ofModel({ metadataProps: [{ key: 'tureen.recipe', value: '{}' }] }),
  'initializers in another order': ofGraph(graph => graph.initializer?.reverse()),
  'value_info in another order': ofGraph(graph => graph.valueInfo?.reverse()),
  'opset imports in another order': model => void model.opsetImport?.reverse(),
  'other weights': model => {
    ofTensor('W', { rawData: new Uint8Array(24).fill(9) })(model)
    ofTensor('b', { floatData: [7, 8] })(model)
    ofTensor('double', { doubleData: [7, 8] })(model)
  },
  'weights stored in another way': model => {
    ofTensor('b', { floatData: [], rawData: new Uint8Array(8) })(model)
    ofTensor('W', { rawData: null, floatData: [1, 2, 3, 4, 5, 6] })(model)
  },
  'other values of a Constant, which the preflight compares': ofAttribute('constant', 'value', {
    t: float32Tensor('offset value', [2], [9, 9]),
  }),
}

/** A change that makes another network of the model, and what must be said of it where. */
export type StructuralChange = readonly [
  what: string,
  change: Change,
  place: { node?: string; tensor?: string },
  message: RegExp,
]

export const structuralChanges: readonly StructuralChange[] = [
  ['ir_version', ofModel({ irVersion: 7 }), {}, /irVersion: is "?7"?, in the base "?8"?/],
  ['the model version', ofModel({ modelVersion: 4 }), {}, /modelVersion/],
  ['the domain of the model', ofModel({ domain: 'org.other' }), {}, /domain/],
  [
    'an opset version',
    model => void Object.assign(found(model.opsetImport?.[0], 'opset'), { version: 17 }),
    {},
    /opsetImport.*17.*16/,
  ],
  ['an opset more', model => void model.opsetImport?.push({ domain: 'more', version: 1 }), {}, /opsetImport.*more/],
  ['an opset less', model => void model.opsetImport?.pop(), {}, /opsetImport.*custom/],
  ['the name of the graph', ofGraph(graph => Object.assign(graph, { name: 'other' })), {}, /name.*other.*rich/],
  ['the name of an input', ofGraph(graph => Object.assign(graph.input?.[0] ?? {}, { name: 'x2' })), {}, /input.*x2/],
  [
    'the name of an output',
    ofGraph(graph => Object.assign(graph.output?.[0] ?? {}, { name: 'y2' })),
    {},
    /output.*y2.*"y"/,
  ],
  ['a further output', ofGraph(graph => graph.output?.push({ name: 'sum' })), {}, /output/],
  ['a fixed dimension of an input', ofDimension('input', 1, { dimValue: 4 }), {}, /input.*4.*3/],
  ['a symbolic dimension', ofDimension('input', 0, { dimParam: 'n' }), {}, /input.*"n".*batch/],
  [
    'the element type of an output',
    ofGraph(graph => Object.assign(graph.output?.[0]?.type?.tensorType ?? {}, { elemType: 10 })),
    {},
    /output.*10.*1/,
  ],
  ['value_info of another shape', ofDimension('valueInfo', 1, { dimValue: 9 }), {}, /valueInfo.*product.*9.*2/],
  ['value_info missing', ofGraph(graph => graph.valueInfo?.pop()), {}, /valueInfo.*sum.*missing/],
  ['the operator of a node', ofNode('add', { opType: 'Sub' }), { node: 'add' }, /Sub.*Add/],
  ['the domain of a node', ofNode('custom', { domain: 'other' }), { node: 'custom' }, /domain.*other.*custom/],
  ['an edge', ofNode('add', { input: ['product', 'W'] }), { node: 'add' }, /input.*"W".*"b"/],
  ['the order of edges', ofNode('add', { input: ['b', 'product'] }), { node: 'add' }, /input/],
  ['an edge more', ofNode('add', { input: ['product', 'b', ''] }), { node: 'add' }, /input/],
  ['the name of an intermediate value', ofNode('add', { output: ['other'] }), { node: 'add' }, /output.*other.*sum/],
  ['the name of a node', ofNode('add', { name: 'plus' }), { node: 'plus' }, /name.*plus.*add/],
  [
    'a node more',
    ofGraph(graph => graph.node?.push({ name: 'last', opType: 'Relu' })),
    { node: 'last' },
    /8 nodes, the base 7/,
  ],
  ['a node less', ofGraph(graph => graph.node?.pop()), { node: 'reshape' }, /6 nodes, the base 7.*the end.*reshape/],
  [
    'a node in the middle',
    ofGraph(graph => graph.node?.splice(2, 0, { name: 'new', opType: 'Relu' })),
    { node: 'new' },
    /new where the base has add/,
  ],
  [
    'two nodes exchanged',
    ofGraph(graph => graph.node?.splice(2, 2, ...graph.node.slice(2, 4).reverse())),
    { node: 'leak' },
    /LeakyRelu.*Add/,
  ],
  [
    'a float attribute',
    ofAttribute('leak', 'alpha', { f: 0.5 }),
    { node: 'leak' },
    /attribute\.alpha\.f: is 0\.5, in the base 0\.25/,
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
    { node: 'constant' },
    /value.*float32\[2, 1\].*float32\[2\]/,
  ],
  [
    'the type of a Constant',
    ofAttribute('constant', 'value', { t: int64Tensor('', [2], [1, 2]) }),
    { node: 'constant' },
    /int64\[2\].*float32\[2\]/,
  ],
  [
    'the operator in a branch of an If',
    model => void Object.assign(found(branchOf(model, 'else_branch').node?.[0], 'node'), { opType: 'Div' }),
    { node: 'else scale' },
    /Div.*Mul/,
  ],
  [
    'the branches of an If exchanged',
    model => {
      const [yes, no] = [branchOf(model, 'then_branch'), branchOf(model, 'else_branch')]
      ofAttribute('choose', 'then_branch', { g: no })(model)
      ofAttribute('choose', 'else_branch', { g: yes })(model)
    },
    { node: 'choose' },
    /then_branch.*name.*else.*then/,
  ],
  [
    'the shape of a tensor in a branch',
    model => void Object.assign(found(branchOf(model, 'then_branch').initializer?.[0], 'tensor'), { dims: [1, 2] }),
    { node: 'choose', tensor: 'then.factor' },
    /\[1, 2\].*\[2\]/,
  ],
  ['the dims of an initializer', ofTensor('W', { dims: [2, 3] }), { tensor: 'W' }, /float32\[2, 3\].*float32\[3, 2\]/],
  [
    'the element type of an initializer',
    ofTensor('half', { dataType: 16 }),
    { tensor: 'half' },
    /bfloat16\[3\].*float16\[3\]/,
  ],
  ['the name of an initializer', ofTensor('half', { name: 'quarter' }), { tensor: 'quarter' }, /the base has none/],
  [
    'an initializer more',
    ofGraph(graph => graph.initializer?.push(float32Tensor('more', [1], [1]))),
    { tensor: 'more' },
    /the base has none/,
  ],
  ['an initializer less', ofGraph(graph => graph.initializer?.shift()), { tensor: 'W' }, /missing/],
  [
    'the shape of a sparse initializer',
    ofGraph(graph => Object.assign(graph.sparseInitializer?.[0] ?? {}, { dims: [2, 3] })),
    { tensor: 'sparse' },
    /dims/,
  ],
  [
    'the name of a sparse initializer',
    ofGraph(graph => Object.assign(graph.sparseInitializer?.[0]?.values ?? {}, { name: 'other' })),
    { tensor: 'other' },
    /other.*the base has none/,
  ],
  [
    'how many elements of a sparse initializer are stored',
    ofGraph(graph => Object.assign(graph.sparseInitializer?.[0]?.values ?? {}, float32Tensor('sparse', [1], [1]))),
    { tensor: 'sparse' },
    /values.*float32\[1\]/,
  ],
  [
    'the body of a function',
    model => void Object.assign(found(model.functions?.[0]?.node?.[1], 'node'), { opType: 'Add' }),
    { node: 'times' },
    /Add.*Mul/,
  ],
  ['the name of a function', ofFunction({ name: 'Thrice' }), {}, /functions.*Thrice.*Twice/],
  ['a function less', ofModel({ functions: [] }), {}, /functions.*missing/],
  ['the opset of a function', ofFunction({ opsetImport: [{ domain: '', version: 12 }] }), {}, /12.*16/],
  [
    'training information',
    model => void Object.assign(found(model.trainingInfo?.[0], 'training'), { updateBinding: [] }),
    {},
    /trainingInfo/,
  ],
  [
    'a quantisation annotation',
    ofGraph(graph => Object.assign(graph, { quantizationAnnotation: [{ tensorName: 'W' }] })),
    {},
    /quantizationAnnotation/,
  ],
]
