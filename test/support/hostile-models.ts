import onnxProto, { type onnx } from 'onnx-proto'
import { elementType, int64Tensor } from './onnx-model.ts'

/** Small models that harm the program that runs them, made here so that nobody has to keep them. Each takes x, float32 [batch, 1]. */

const { ModelProto } = onnxProto.onnx

const scalar = (name: string, type: number = elementType.float32) => ({
  name,
  type: { tensorType: { elemType: type, shape: { dim: [] } } },
})
const column = (name: string) => ({
  name,
  type: { tensorType: { elemType: elementType.float32, shape: { dim: [{ dimParam: 'batch' }, { dimValue: 1 }] } } },
})
const boolTensor = (name: string): onnx.ITensorProto => ({
  name,
  dims: [],
  dataType: elementType.bool,
  rawData: Uint8Array.of(1),
})
const anyShape = (name: string) => ({ name, type: { tensorType: { elemType: elementType.float32 } } })

function encode(graph: Partial<onnx.IGraphProto>, more: Partial<onnx.IModelProto> = {}): Uint8Array<ArrayBuffer> {
  const model = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    graph: { name: 'hostile', input: [column('x')], output: [column('y')], ...graph },
    ...more,
  }
  return Uint8Array.from(ModelProto.encode(ModelProto.create(model)).finish())
}

/** Returns a Loop without a trip count, whose condition stays true. `body` changes the tensor `state` in each iteration. */
function loop(body: onnx.INodeProto[], state: string): Uint8Array<ArrayBuffer> {
  const g = {
    name: 'body',
    input: [scalar('iteration', elementType.int64), scalar('going', elementType.bool), anyShape('before')],
    output: [scalar('on', elementType.bool), anyShape('after')],
    node: [{ opType: 'Identity', input: ['going'], output: ['on'] }, ...body],
  }
  return encode({
    initializer: [boolTensor('true')],
    node: [
      { opType: 'Loop', input: ['', 'true', 'x'], output: [state], attribute: [{ name: 'body', type: 5, g }] },
      { opType: 'ReduceMax', input: [state], output: ['most'] },
      { opType: 'Add', input: ['x', 'most'], output: ['y'] },
    ],
  })
}

export function endlessLoop(): Uint8Array<ArrayBuffer> {
  return loop([{ opType: 'Neg', input: ['before'], output: ['after'] }], 'looped')
}

/** Returns a model that doubles a tensor without end. */
export function growingLoop(): Uint8Array<ArrayBuffer> {
  const attribute = [{ name: 'axis', type: 2, i: 0 }]
  return loop([{ opType: 'Concat', input: ['before', 'before'], output: ['after'], attribute }], 'grown')
}

/** Returns a model with one tensor of 16 GiB. Its size is known only at run time. */
export function sixteenGibibytes(): Uint8Array<ArrayBuffer> {
  return encode({
    initializer: [int64Tensor('huge', [1], [2 ** 32])],
    node: [
      { opType: 'Shape', input: ['x'], output: ['shape'] },
      { opType: 'Size', input: ['shape'], output: ['rank'] },
      { opType: 'Mul', input: ['rank', 'huge'], output: ['doubled'] },
      { opType: 'Div', input: ['doubled', 'rank'], output: ['dims'] },
      { opType: 'ConstantOfShape', input: ['dims'], output: ['wide'] },
      { opType: 'ReduceMax', input: ['wide'], output: ['most'] },
      { opType: 'Add', input: ['x', 'most'], output: ['y'] },
    ],
  })
}

/** Returns a model with `products` products of large constants, about 0.5 s each. onnxruntime computes them while it opens the model. */
export function constantFolding(products: number): Uint8Array<ArrayBuffer> {
  const value = {
    name: 'value',
    type: 4,
    t: { dims: [1], dataType: elementType.float32, rawData: new Uint8Array(Float32Array.of(1e-4).buffer) },
  }
  const node: onnx.INodeProto[] = [{ opType: 'ConstantOfShape', input: ['dims'], output: ['m0'], attribute: [value] }]
  for (let index = 0; index < products; index += 1) {
    node.push({ opType: 'MatMul', input: [`m${index}`, 'm0'], output: [`m${index + 1}`] })
  }
  node.push(
    { opType: 'ReduceMax', input: [`m${products}`], output: ['most'] },
    { opType: 'Add', input: ['x', 'most'], output: ['y'] },
  )
  return encode({ initializer: [int64Tensor('dims', [2], [3000, 3000])], node })
}

/** Returns nested functions: onnxruntime 1.30 inlines them recursively until its stack overflows. */
export function nestedFunctions(depth: number): Uint8Array<ArrayBuffer> {
  return callingFunctions(depth, 1)
}

/** Returns functions that each call the next one twice: a few kilobytes that become 2^depth nodes when they are inlined. */
export function doublingFunctions(depth: number): Uint8Array<ArrayBuffer> {
  return callingFunctions(depth, 2)
}

function callingFunctions(depth: number, calls: number): Uint8Array<ArrayBuffer> {
  const opsetImport = [
    { domain: '', version: 13 },
    { domain: 'nest', version: 1 },
  ]
  const functions = Array.from({ length: depth }, (_, index) => ({
    name: `f${index}`,
    domain: 'nest',
    input: ['x'],
    output: ['y'],
    opsetImport,
    node: Array.from({ length: calls }, (_, call) => ({
      opType: index + 1 < depth ? `f${index + 1}` : 'Identity',
      domain: index + 1 < depth ? 'nest' : '',
      input: [call === 0 ? 'x' : `v${call}`],
      output: [call + 1 === calls ? 'y' : `v${call + 1}`],
    })),
  }))
  return encode({ node: [{ opType: 'f0', domain: 'nest', input: ['x'], output: ['y'] }] }, { functions, opsetImport })
}

/** Returns a model with an unknown operator. */
export function customOperator(): Uint8Array<ArrayBuffer> {
  const opsetImport = [
    { domain: '', version: 13 },
    { domain: 'com.example.custom', version: 1 },
  ]
  return encode(
    { node: [{ name: 'special', opType: 'Special', domain: 'com.example.custom', input: ['x'], output: ['y'] }] },
    { opsetImport },
  )
}

/** Returns y = x, a harmless model for comparison. */
export function identityModel(): Uint8Array<ArrayBuffer> {
  return encode({ node: [{ opType: 'Identity', input: ['x'], output: ['y'] }] })
}
