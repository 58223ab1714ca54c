import { elementType, float32Tensor } from './onnx-model.ts'
import {
  branchOf,
  type Change,
  found,
  nodeOf,
  ofAttribute,
  ofDimension,
  ofFunction,
  ofGraph,
  ofModel,
  ofNode,
  ofOpset,
  ofTensor,
  onlyAttribute,
  rename,
  renamed,
} from './rich-changes.ts'

/** Changes after which two models can still be averaged. */
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
  'other values of a Constant': ofAttribute('constant', 'value', { t: float32Tensor('offset value', [2], [9, 9]) }),
  'another IR version': ofModel({ irVersion: 7 }),
  'another model version': ofModel({ modelVersion: 4 }),
  'another domain of the model': ofModel({ domain: 'org.other' }),
  'an opset version in which no operator means something else': ofOpset(0, { version: 17 }),
  'an opset more': model => void model.opsetImport?.push({ domain: 'more', version: 1 }),
  'an opset less, of which version 1 was imported': model => void model.opsetImport?.pop(),
  'the domain of ONNX by its other name': ofOpset(0, { domain: 'ai.onnx' }),
  'the opset of a function, in which no operator means something else': ofFunction({
    opsetImport: [{ domain: '', version: 12 }],
  }),
  'another name of the graph': ofGraph(graph => Object.assign(graph, { name: 'other' })),
  'another name of an input': renamed('x', 'x2'),
  'another name of an output': renamed('y', 'y2'),
  'another name of an intermediate value': renamed('sum', 'other'),
  'another name of a node': ofNode('add', { name: 'plus' }),
  'another name of an initializer': renamed('half', 'quarter'),
  'another name of a sparse initializer': renamed('sparse', 'other'),
  'other names inside a branch': model => {
    const branch = branchOf(model, 'then_branch')
    branch.name = 'other'
    rename(branch, 'then.y', 'result')
    rename(branch, 'then.factor', 'f')
  },
  'the branches of an If exchanged, which are alike but for their weights': model => {
    const [yes, no] = [branchOf(model, 'then_branch'), branchOf(model, 'else_branch')]
    ofAttribute('choose', 'then_branch', { g: no })(model)
    ofAttribute('choose', 'else_branch', { g: yes })(model)
  },
  'another name of a function': model => {
    ofFunction({ name: 'Thrice' })(model)
    ofNode('twice', { opType: 'Thrice' })(model)
  },
  'other names inside a function': model => {
    const body = found(model.functions?.[0], 'function')
    Object.assign(body, { input: ['in'], output: ['out'] })
    for (const [from, to] of [
      ['v', 'in'],
      ['w', 'out'],
      ['factor', 'two'],
    ] as const)
      rename(body, from, to)
  },
  'a function written out': model => {
    const { graph } = model
    const body = found(model.functions?.[0], 'function').node ?? []
    const at = graph.node?.indexOf(nodeOf(model, 'twice')) ?? 0
    graph.node?.splice(at, 1, ...body)
    rename(graph, 'v', 'mixed')
    rename(graph, 'w', 'doubled')
    model.functions = []
  },
  'a function that nothing calls': model => void model.functions?.push({ name: 'Unused', domain: 'custom' }),
  'a fixed dimension of an input': ofDimension('input', 1, { dimValue: 4 }),
  'a symbolic dimension': ofDimension('input', 0, { dimParam: 'n' }),
  'a symbolic dimension in an attribute': ofAttribute('custom', 'kind', {
    tp: {
      denotation: 'LIST',
      sequenceType: { elemType: { denotation: 'IMAGE', tensorType: { elemType: elementType.float32 } } },
    },
  }),
  'a denotation': ofGraph(graph => Object.assign(found(graph.input?.[0]?.type, 'type'), { denotation: 'IMAGE' })),
  'the element type that an output says': ofGraph(graph =>
    Object.assign(graph.output?.[0]?.type?.tensorType ?? {}, { elemType: 10 }),
  ),
  'value_info of another shape': ofDimension('valueInfo', 1, { dimValue: 9 }),
  'value_info missing': ofGraph(graph => graph.valueInfo?.pop()),
  'a quantisation annotation': ofGraph(graph =>
    Object.assign(graph, { quantizationAnnotation: [{ tensorName: 'W' }] }),
  ),
  'an input that nothing reads': ofGraph(graph => graph.input?.unshift({ name: 'unread' })),
  'an initializer that is listed as an input, too': ofGraph(graph => graph.input?.push({ name: 'W' })),
  'a node that no output depends on': ofGraph(graph =>
    graph.node?.push({ name: 'last', opType: 'Relu', input: ['sum'], output: ['unread'] }),
  ),
  'two nodes exchanged': ofGraph(graph => graph.node?.splice(2, 2, ...(graph.node?.slice(2, 4) ?? []).reverse())),
  'all nodes the other way round': ofGraph(graph => graph.node?.reverse()),
  'attributes in another order': model => void nodeOf(model, 'custom').attribute?.reverse(),
  'branches in another order': model => void nodeOf(model, 'choose').attribute?.reverse(),
  'an Identity in between': ofGraph(graph => {
    rename(graph, 'sum', 'passed')
    graph.node?.push({ name: 'pass', opType: 'Identity', input: ['sum'], output: ['passed'] })
    Object.assign(found(graph.node?.[2], 'add'), { output: ['sum'] })
  }),
  'an input left out at the end': ofNode('add', { input: ['product', 'b', ''] }),
  'an output left out at the end': ofNode('add', { output: ['sum', ''] }),
  'an attribute that says what holds anyway': onlyAttribute('reshape', { name: 'allowzero', i: 0, type: 2 }),
  'an initializer as a Constant': ofGraph(graph => {
    const [W] = graph.initializer?.splice(0, 1) ?? []
    const attribute = [{ name: 'value', type: 4, t: { ...W, name: '' } }]
    graph.node?.unshift({ name: 'constant W', opType: 'Constant', output: ['W'], attribute })
  }),
  'a Constant as an initializer': ofGraph(graph => {
    graph.node?.splice(1, 1)
    graph.initializer?.push(float32Tensor('offset', [2], [1, 2]))
  }),
  'an initializer more, which nothing reads': ofGraph(graph =>
    graph.initializer?.push(float32Tensor('more', [1], [1])),
  ),
  'an initializer that stands twice: the last counts': ofGraph(graph =>
    graph.initializer?.unshift(float32Tensor('W', [9], [1, 2, 3, 4, 5, 6, 7, 8, 9])),
  ),
}

/** Changes that the comparison ignores and the fingerprint shows: swapped operands of commutative operators. */
export const reorderings: Record<string, Change> = {
  'the operands of an Add': ofNode('add', { input: ['b', 'product'] }),
  'the operands of a Mul in a branch': model => void branchOf(model, 'then_branch').node?.[0]?.input?.reverse(),
  'the operands of a Mul in a function': model => void model.functions?.[0]?.node?.[1]?.input?.reverse(),
}
