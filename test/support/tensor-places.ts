import type { onnx } from 'onnx-proto'
import { appendInside } from './append-inside.ts'
import { float32Tensor, int64Tensor } from './onnx-model.ts'
import { tensorsOf } from './onnx-oracle.ts'
import { encodeModel, modelOf } from './rich-model.ts'
import { bytesField, float32Bytes, float32Field, modelBytes, onnxField, varintField } from './wire-bytes.ts'

const { graph: graphField, node: nodeField, attribute: attributeField } = onnxField

export const floatsAt = (model: Uint8Array, path: string) => {
  const tensor = tensorsOf(model).find(each => each.path === path)
  if (!tensor) throw new Error(`there is no tensor ${path}: ${tensorsOf(model).map(each => each.path)}`)
  return [...new Float32Array(Uint8Array.from(tensor.bytes).buffer)]
}

export type Values = [number, number]
export const pairOf = (name: string, values: Values) => float32Tensor(name, [2], values)
export const withNode = (node: onnx.INodeProto) => modelOf({ node: [node] })
export const constant = (attribute: onnx.IAttributeProto): onnx.INodeProto => ({
  opType: 'Constant',
  output: ['c'],
  attribute: [attribute],
})
/** Returns a node with one subgraph. It outputs all values of the subgraph. */
export const within = (opType: string, name: string, g: onnx.IGraphProto): onnx.INodeProto => {
  const names = [
    ...(g.node ?? []).flatMap(({ output }) => output ?? []),
    ...(g.initializer ?? []).map(each => each.name),
  ]
  const output = names.map((_, index) => `${opType}${index || ''}`)
  return { opType, output, attribute: [{ name, g: { ...g, output: names.map(name => ({ name: name ?? '' })) } }] }
}
export const sparse = (name: string, values: Values, indices = [0, 3]): onnx.ISparseTensorProto => ({
  values: pairOf(name, values),
  indices: int64Tensor('', [2], indices),
  dims: [6],
})

/** Returns the model with an output that depends on these values through a Concat. */
export const reading = (model: Uint8Array, ...names: string[]) =>
  appendInside(
    model,
    [[onnxField.model.graph, 0]],
    Buffer.concat([
      bytesField(graphField.node, [
        bytesField(nodeField.opType, 'Concat'),
        ...names.map(name => bytesField(nodeField.input, name)),
        bytesField(nodeField.output, 'read'),
      ]),
      bytesField(graphField.output, bytesField(1, 'read')),
    ]),
  )

const floatsOf = (values: Values) => bytesField(attributeField.floats, float32Bytes(values))
/** Returns a LinearRegressor with its operator type after these attributes. */
const wireRegressor = (...attributes: Uint8Array[][]) =>
  modelBytes(
    [],
    bytesField(graphField.node, [
      ...attributes.map(fields => bytesField(nodeField.attribute, fields)),
      bytesField(nodeField.output, 'r'),
      bytesField(nodeField.opType, 'LinearRegressor'),
      bytesField(nodeField.domain, 'ai.onnx.ml'),
    ]),
  )
export const wireAttribute = (...fields: Uint8Array[]) =>
  modelBytes(
    [],
    bytesField(graphField.node, [
      bytesField(nodeField.attribute, fields),
      bytesField(nodeField.opType, 'Constant'),
      bytesField(nodeField.output, 'c'),
    ]),
  )
export const wireName = bytesField(attributeField.name, 'value_floats')

/** `read`: value that makes an output depend on the tensor. */
export const places: [
  where: string,
  path: string,
  name: string,
  read: string,
  model: (values: Values) => Uint8Array,
][] = [
  ['an initializer', 'graph.initializer[0]', 'w', 'w', values => modelOf({ initializer: [pairOf('w', values)] })],
  [
    'an initializer of a Loop in a Scan in an If',
    'graph.node[0].attribute[0].g.node[0].attribute[0].g.node[0].attribute[0].g.initializer[0]',
    'w',
    'If',
    values =>
      withNode(
        within('If', 'then_branch', {
          node: [within('Scan', 'body', { node: [within('Loop', 'body', { initializer: [pairOf('w', values)] })] })],
        }),
      ),
  ],
  [
    'a sparse initializer',
    'graph.sparse_initializer[0].values',
    'w',
    'w',
    values => modelOf({ sparseInitializer: [sparse('w', values)] }),
  ],
  [
    'a Constant',
    'graph.node[0].attribute[0].t',
    'c',
    'c',
    values => withNode(constant({ name: 'value', t: pairOf('', values) })),
  ],
  [
    'a sparse Constant',
    'graph.node[0].attribute[0].sparse_tensor.values',
    'c',
    'c',
    values => withNode(constant({ name: 'sparse_value', sparseTensor: sparse('', values) })),
  ],
  [
    'value_floats of a Constant',
    'graph.node[0].attribute[0].floats',
    'c',
    'c',
    values => withNode(constant({ name: 'value_floats', floats: values })),
  ],
  [
    'unpacked value_floats before their name',
    'graph.node[0].attribute[0].floats',
    'c',
    'c',
    values => wireAttribute(...values.map(value => float32Field(attributeField.floats, value)), wireName),
  ],
  [
    'value_floats in several runs, one of them empty',
    'graph.node[0].attribute[0].floats',
    'c',
    'c',
    ([first, second]) =>
      wireAttribute(
        bytesField(attributeField.floats, float32Bytes([first])),
        wireName,
        bytesField(attributeField.floats, ''),
        float32Field(attributeField.floats, second),
        varintField(attributeField.type, 6),
      ),
  ],
  [
    'coefficients of a LinearRegressor',
    'graph.node[0].attribute[0].floats',
    'r.coefficients',
    'r',
    values => wireRegressor([bytesField(attributeField.name, 'coefficients'), floatsOf(values)]),
  ],
  [
    'unpacked coefficients before their name, behind another attribute',
    'graph.node[0].attribute[1].floats',
    'r.coefficients',
    'r',
    values =>
      wireRegressor(
        [bytesField(attributeField.name, 'targets'), varintField(attributeField.i, 1)],
        [
          ...values.map(value => float32Field(attributeField.floats, value)),
          bytesField(attributeField.name, 'coefficients'),
        ],
      ),
  ],
  [
    'an attribute of an operator that nobody knows',
    'graph.node[0].attribute[0].t',
    'w',
    'n',
    values =>
      withNode({
        opType: 'Custom',
        domain: 'custom',
        output: ['n'],
        attribute: [{ name: 'kernel', t: pairOf('w', values) }],
      }),
  ],
  [
    'a list of tensors in an attribute',
    'graph.node[0].attribute[0].tensors[1]',
    'w',
    'n',
    values =>
      withNode({
        opType: 'Custom',
        domain: 'custom',
        output: ['n'],
        attribute: [{ name: 'all', tensors: [pairOf('a', [1, 2]), pairOf('w', values)] }],
      }),
  ],
  [
    'a Constant of a function',
    'functions[0].node[0].attribute[0].t',
    'c',
    'called',
    values =>
      encodeModel({
        irVersion: 8,
        opsetImport: [{ version: 13 }],
        graph: { node: [{ opType: 'F', domain: 'f', output: ['called'] }] },
        functions: [
          { name: 'F', domain: 'f', output: ['c'], node: [constant({ name: 'value', t: pairOf('', values) })] },
        ],
      }),
  ],
  [
    'the graph of a training step',
    'training_info[0].algorithm.initializer[0]',
    'w',
    '',
    values =>
      encodeModel({
        irVersion: 8,
        opsetImport: [{ version: 13 }],
        graph: {},
        trainingInfo: [{ algorithm: { initializer: [pairOf('w', values)], output: [{ name: 'w' }] } }],
      }),
  ],
]
