import onnxProto, { type onnx } from 'onnx-proto'
import { elementType, float32Tensor, int64Tensor } from './onnx-model.ts'

const { ModelProto } = onnxProto.onnx

export type RichModel = onnx.IModelProto & { graph: onnx.IGraphProto }

/** AttributeProto.type of each kind of attribute. */
const attributeType = {
  f: 1,
  i: 2,
  s: 3,
  t: 4,
  g: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  sparseTensor: 11,
  tp: 13,
} as const

const float32Value = (name: string, dims: onnx.TensorShapeProto.IDimension[]): onnx.IValueInfoProto => ({
  name,
  type: { tensorType: { elemType: elementType.float32, shape: { dim: dims } } },
})

function branchGraph(name: string, factor: number): onnx.IGraphProto {
  return {
    name,
    node: [{ name: `${name} scale`, opType: 'Mul', input: ['scaled', `${name}.factor`], output: [`${name}.y`] }],
    initializer: [float32Tensor(`${name}.factor`, [2], [factor, factor + 1])],
    output: [float32Value(`${name}.y`, [])],
  }
}

/**
 * Returns a small model with tensors in all places: initializers in several storages, a Constant, both branches of an If, a function,
 * sparse tensors, training information. Its outputs depend on all of them. `change` makes a variant of it.
 */
export function richModel(change: (model: RichModel) => void = () => {}): Uint8Array<ArrayBuffer> {
  const model: RichModel = {
    irVersion: 8,
    producerName: 'tureen-tests',
    producerVersion: '1.0',
    domain: 'org.example',
    modelVersion: 3,
    docString: 'A model with everything in it.',
    opsetImport: [
      { domain: '', version: 16 },
      { domain: 'custom', version: 1 },
    ],
    metadataProps: [{ key: 'author', value: 'nobody' }],
    graph: {
      name: 'rich',
      docString: 'The graph.',
      node: [
        { name: 'multiply', opType: 'MatMul', input: ['x', 'W'], output: ['product'], docString: 'W x' },
        {
          name: 'constant',
          opType: 'Constant',
          output: ['offset'],
          attribute: [{ name: 'value', type: attributeType.t, t: float32Tensor('offset value', [2], [0.5, -0.5]) }],
        },
        { name: 'add', opType: 'Add', input: ['product', 'b'], output: ['sum'] },
        {
          name: 'leak',
          opType: 'LeakyRelu',
          input: ['sum'],
          output: ['scaled'],
          attribute: [{ name: 'alpha', type: attributeType.f, f: 0.25 }],
        },
        {
          name: 'choose',
          opType: 'If',
          input: ['condition'],
          output: ['chosen'],
          attribute: [
            { name: 'then_branch', type: attributeType.g, g: branchGraph('then', 3) },
            { name: 'else_branch', type: attributeType.g, g: branchGraph('else', 5) },
          ],
        },
        {
          name: 'custom',
          opType: 'Mix',
          domain: 'custom',
          input: ['chosen', 'offset', 'half', 'double', 'names', 'sparse'],
          output: ['mixed'],
          attribute: [
            { name: 'mode', type: attributeType.s, s: Buffer.from('linear') },
            { name: 'axes', type: attributeType.ints, ints: [0, 1] },
            { name: 'scales', type: attributeType.floats, floats: [1, 2.5] },
            { name: 'labels', type: attributeType.strings, strings: [Buffer.from('a'), Buffer.from('b')] },
            {
              name: 'kind',
              type: attributeType.tp,
              tp: { sequenceType: { elemType: { tensorType: { elemType: elementType.float32 } } } },
            },
          ],
        },
        { name: 'twice', opType: 'Twice', domain: 'custom', input: ['mixed'], output: ['doubled'] },
        { name: 'reshape', opType: 'Reshape', input: ['doubled', 'shape'], output: ['y'] },
      ],
      initializer: [
        float32Tensor('W', [3, 2], [1, 2, 3, 4, 5, 6]),
        { name: 'b', dims: [2], dataType: elementType.float32, floatData: [0.1, 0.2], docString: 'bias' },
        { name: 'half', dims: [3], dataType: elementType.float16, int32Data: [0x3c00, 0x4000, 0x8000] },
        { name: 'double', dims: [2], dataType: elementType.float64, doubleData: [1.5, 2.5] },
        int64Tensor('shape', [2], [-1, 2]),
        { name: 'names', dims: [2], dataType: elementType.string, stringData: [Buffer.from('x'), Buffer.from('yy')] },
      ],
      sparseInitializer: [
        {
          values: float32Tensor('sparse', [2], [7, 8]),
          indices: { ...int64Tensor('', [2], [0, 3]) },
          dims: [6],
        },
      ],
      input: [float32Value('x', [{ dimParam: 'batch' }, { dimValue: 3 }]), float32Value('condition', [])],
      output: [float32Value('y', [{ dimParam: 'batch' }, { dimValue: 2 }])],
      valueInfo: [float32Value('product', [{ dimParam: 'batch' }, { dimValue: 2 }]), float32Value('sum', [])],
    },
    functions: [
      {
        name: 'Twice',
        domain: 'custom',
        input: ['v'],
        output: ['w'],
        node: [
          {
            name: 'two',
            opType: 'Constant',
            output: ['factor'],
            attribute: [{ name: 'value', type: attributeType.t, t: float32Tensor('', [], [2]) }],
          },
          { name: 'times', opType: 'Mul', input: ['v', 'factor'], output: ['w'] },
        ],
        opsetImport: [{ domain: '', version: 16 }],
      },
    ],
    trainingInfo: [
      {
        algorithm: {
          name: 'step',
          node: [{ name: 'descend', opType: 'Mul', input: ['W', 'rate'], output: ['W_new'] }],
          initializer: [float32Tensor('rate', [], [0.01])],
          output: [{ name: 'W_new' }],
        },
        updateBinding: [{ key: 'W', value: 'W_new' }],
      },
    ],
  }
  change(model)
  return encodeModel(model)
}

export function encodeModel(model: onnx.IModelProto): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(ModelProto.encode(ModelProto.create(model)).finish())
}

/** Returns a model that consists of this graph. */
export function modelOf(graph: onnx.IGraphProto): Uint8Array<ArrayBuffer> {
  return encodeModel({ irVersion: 8, opsetImport: [{ domain: '', version: 13 }], graph })
}
