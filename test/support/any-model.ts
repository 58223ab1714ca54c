import fc from 'fast-check'
import type { onnx } from 'onnx-proto'
import type { RichModel } from './rich-model.ts'
import { soundModel } from './sound-model.ts'

const name = fc.constantFrom('a', 'b', 'W', 'weight', '', '__proto__', 'constructor', 'ünïcode', '层.0')
const domain = fc.constantFrom('', '', 'ai.onnx', 'ai.onnx.ml', 'custom', '__proto__')
const uniqueNames = fc.uniqueArray(
  fc.constantFrom('W', 'b', 'scale', '__proto__', 'toString', '权重', 'a/very/long/name'.repeat(9)),
  { maxLength: 4 },
)

const int32Ranges: readonly [dataType: number, min: number, max: number][] = [
  [2, 0, 255],
  [3, -128, 127],
  [4, 0, 65535],
  [5, -32768, 32767],
  [6, -(2 ** 31), 2 ** 31 - 1],
  [9, 0, 1],
  [10, 0, 65535],
  [16, 0, 65535],
  [17, 0, 255],
  [20, 0, 255],
]
const rawWidths: readonly [dataType: number, bytes: number][] = [
  [1, 4],
  [2, 1],
  [7, 8],
  [10, 2],
  [11, 8],
  [12, 4],
  [14, 8],
  [15, 16],
  [16, 2],
  [17, 1],
]

const dims = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })
const product = (of: readonly number[]) => of.reduce((total, dim) => total * dim, 1)
const exactly = <Item>(item: fc.Arbitrary<Item>, length: number) =>
  fc.array(item, { minLength: length, maxLength: length })
const float = fc.float({ noNaN: true })

/** Returns the fields of a tensor that hold its elements, for any element type and storage that onnx-proto can write. */
function payload(elements: number): fc.Arbitrary<onnx.ITensorProto> {
  return fc.oneof(
    fc
      .constantFrom(...rawWidths)
      .chain(([dataType, width]) =>
        fc
          .uint8Array({ minLength: elements * width, maxLength: elements * width })
          .map(bytes => ({ dataType, rawData: Uint8Array.from(bytes) })),
      ),
    fc
      .constantFrom(...int32Ranges)
      .chain(([dataType, min, max]) =>
        exactly(fc.integer({ min, max }), elements).map(int32Data => ({ dataType, int32Data })),
      ),
    exactly(float, elements).map(floatData => ({ dataType: 1, floatData })),
    exactly(float, elements * 2).map(floatData => ({ dataType: 14, floatData })),
    exactly(fc.double({ noNaN: true }), elements).map(doubleData => ({ dataType: 11, doubleData })),
    exactly(fc.maxSafeInteger(), elements).map(int64Data => ({ dataType: 7, int64Data })),
    exactly(fc.maxSafeNat(), elements).map(uint64Data => ({ dataType: 13, uint64Data })),
    exactly(fc.string({ maxLength: 5 }), elements).map(texts => ({
      dataType: 8,
      stringData: texts.map(text => Buffer.from(text)),
    })),
  )
}

export function tensors(named: fc.Arbitrary<string> = name): fc.Arbitrary<onnx.ITensorProto> {
  return fc.tuple(named, dims).chain(([name, dims]) =>
    fc.tuple(payload(product(dims)), fc.boolean()).map(([elements, documented]) => ({
      name,
      dims,
      ...elements,
      ...(documented ? { docString: 'a tensor' } : {}),
    })),
  )
}

const sparse: fc.Arbitrary<onnx.ISparseTensorProto> = fc.record({
  values: tensors(),
  indices: tensors(),
  dims: fc.array(fc.nat(9), { maxLength: 2 }),
})

const type: fc.Arbitrary<onnx.ITypeProto> = fc.oneof(
  fc.constantFrom<onnx.ITypeProto>(
    { tensorType: { elemType: 1 } },
    { tensorType: { elemType: 7, shape: { dim: [{ dimValue: 3 }, { dimParam: 'batch' }, {}] } } },
    { sparseTensorType: { elemType: 1, shape: {} } },
    { mapType: { keyType: 8, valueType: { tensorType: { elemType: 1 } } } },
    { optionalType: { elemType: { sequenceType: { elemType: { tensorType: { elemType: 11 } } } } } },
    { denotation: 'IMAGE' },
  ),
)

const value: fc.Arbitrary<onnx.IValueInfoProto> = fc.record(
  { name, type, docString: fc.constant('a value') },
  { requiredKeys: ['name'] },
)

function attribute(depth: number): fc.Arbitrary<onnx.IAttributeProto> {
  const plain: fc.Arbitrary<onnx.IAttributeProto>[] = [
    float.map(f => ({ f })),
    fc.integer().map(i => ({ i })),
    fc.uint8Array({ maxLength: 9 }).map(s => ({ s: Uint8Array.from(s) })),
    fc.constantFrom(4096, 4097, 9000).map(length => ({ s: new Uint8Array(length).fill(7) })),
    fc.array(float, { maxLength: 5 }).map(floats => ({ floats })),
    fc.array(float, { maxLength: 5 }).map(floats => ({ name: 'value_floats', floats })),
    float.map(f => ({ name: 'value_float', f })),
    fc.array(float, { maxLength: 5 }).map(floats => ({ name: 'coefficients', floats })),
    fc.constant({ floats: Array.from({ length: 1025 }, (_, index) => index) }),
    fc.array(fc.integer(), { maxLength: 5 }).map(ints => ({ ints })),
    fc
      .array(fc.string({ maxLength: 4 }), { maxLength: 3 })
      .map(texts => ({ strings: texts.map(text => Buffer.from(text)) })),
    tensors().map(t => ({ t })),
    fc.array(tensors(), { maxLength: 3 }).map(tensors => ({ tensors })),
    sparse.map(sparseTensor => ({ sparseTensor })),
    fc.array(sparse, { maxLength: 2 }).map(sparseTensors => ({ sparseTensors })),
    type.map(tp => ({ tp })),
    fc.array(type, { maxLength: 2 }).map(typeProtos => ({ typeProtos })),
    fc.constant({ refAttrName: 'outer' }),
  ]
  const nested: fc.Arbitrary<onnx.IAttributeProto>[] =
    depth > 0
      ? [graph(depth - 1).map(g => ({ g })), fc.array(graph(depth - 1), { maxLength: 2 }).map(graphs => ({ graphs }))]
      : []
  return fc
    .tuple(name, fc.oneof(...plain, ...nested), fc.nat(14), fc.boolean())
    .map(([name, held, type, documented]) => ({ name, ...held, type, ...(documented ? { docString: 'why' } : {}) }))
}

function node(depth: number): fc.Arbitrary<onnx.INodeProto> {
  return fc.record(
    {
      name,
      opType: fc.constantFrom('Add', 'Constant', 'If', 'Clip', 'Identity', 'F', 'G', 'LinearRegressor'),
      input: fc.array(name, { maxLength: 3 }),
      output: fc.array(name, { maxLength: 2 }),
      attribute: fc.array(attribute(depth), { maxLength: 3 }),
      domain,
      docString: fc.constant('a node'),
    },
    { requiredKeys: ['opType'] },
  )
}

function graph(depth: number): fc.Arbitrary<onnx.IGraphProto> {
  return fc.record(
    {
      name,
      docString: fc.constant('a graph'),
      node: fc.array(node(depth), { maxLength: 3 }),
      initializer: uniqueNames.chain(names => fc.tuple(...names.map(each => tensors(fc.constant(each))))),
      sparseInitializer: fc.array(sparse, { maxLength: 2 }),
      input: fc.array(value, { maxLength: 2 }),
      output: fc.array(value, { maxLength: 2 }),
      valueInfo: fc.array(value, { maxLength: 2 }),
      quantizationAnnotation: fc.constantFrom<onnx.ITensorAnnotation[]>(
        [],
        [{ tensorName: 'W', quantParameterTensorNames: [{ key: 'SCALE_TENSOR', value: 'scale' }] }],
      ),
    },
    { requiredKeys: [] },
  )
}

const modelFunction: fc.Arbitrary<onnx.IFunctionProto> = fc.record(
  {
    name: fc.constantFrom('F', 'G'),
    domain,
    input: fc.array(name, { maxLength: 2 }),
    output: fc.array(name, { maxLength: 2 }),
    attribute: fc.array(name, { maxLength: 2 }),
    node: fc.array(node(1), { maxLength: 2 }),
    docString: fc.constant('a function'),
    opsetImport: fc.constant([{ domain: '', version: 13 }]),
  },
  { requiredKeys: ['name'] },
)

const training: fc.Arbitrary<onnx.ITrainingInfoProto> = fc.record(
  {
    initialization: graph(0),
    algorithm: graph(0),
    updateBinding: fc.constant([{ key: 'W', value: 'W2' }]),
  },
  { requiredKeys: [] },
)

/** Any model that onnx-proto can write, with tensors of every kind in every place. It may have cycles and ambiguous names. */
export const anyModelAtAll: fc.Arbitrary<RichModel> = fc.record(
  {
    graph: graph(2),
    irVersion: fc.constantFrom(3, 8, 10),
    producerName: fc.string({ maxLength: 5 }),
    producerVersion: fc.string({ maxLength: 5 }),
    domain: name,
    modelVersion: fc.maxSafeInteger(),
    docString: fc.string({ maxLength: 9 }),
    opsetImport: fc.constantFrom<onnx.IOperatorSetIdProto[]>(
      [{ version: 13 }],
      [
        { domain: '', version: 13 },
        { domain: 'custom', version: 1 },
      ],
    ),
    metadataProps: fc.array(fc.record({ key: name, value: name }), { maxLength: 2 }),
    functions: fc.array(modelFunction, { maxLength: 2 }),
    trainingInfo: fc.array(training, { maxLength: 1 }),
  },
  { requiredKeys: ['graph', 'opsetImport'] },
)

/** Any model with sound graphs: each name has one meaning, and no value depends on itself. The models need not compute anything useful. */
export const anyModel: fc.Arbitrary<RichModel> = anyModelAtAll.map(model => soundModel(structuredClone(model)))
