import type { onnx } from 'onnx-proto'
import { elementType } from './onnx-model.ts'
import { encodeModel } from './rich-model.ts'

const float = (name: string) => ({ name, type: { tensorType: { elemType: elementType.float32 } } })
const node = (opType: string, input: string[], output: string[], more: onnx.INodeProto = {}): onnx.INodeProto => ({
  opType,
  input,
  output,
  ...more,
})

function modelOf(node: onnx.INodeProto[], more: onnx.IModelProto = {}, graph: onnx.IGraphProto = {}): Uint8Array {
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ version: 13 }, { domain: 'own', version: 1 }],
    graph: { name: 'malformed', input: [float('x')], output: [float('y')], node, ...graph },
    ...more,
  })
}

function functionOf(name: string, body: onnx.INodeProto[]) {
  return { name, domain: 'own', input: ['x'], output: ['y'], node: body, opsetImport: [{ version: 13 }] }
}

const call = (name: string, input = 'x', output = 'y') => node(name, [input], [output], { domain: 'own' })
const subgraph = (body: onnx.INodeProto[], output: string) => ({
  type: 5,
  g: { name: 'inner', node: body, output: [float(output)] },
})

/** Malformed models by what is wrong with them. A file can hold them, and no runtime can order, resolve or read them. */
export const malformedModels: Record<string, Uint8Array> = {
  'a function calls itself': modelOf([call('f')], { functions: [functionOf('f', [call('f')])] }),
  'two functions call each other': modelOf([call('f')], {
    functions: [functionOf('f', [call('g')]), functionOf('g', [call('f')])],
  }),
  'a function calls itself inside a branch': modelOf([call('f')], {
    functions: [
      functionOf('f', [
        node('If', ['x'], ['y'], {
          attribute: [
            { name: 'then_branch', ...subgraph([call('f', 'x', 'z')], 'z') },
            { name: 'else_branch', ...subgraph([node('Neg', ['x'], ['z'])], 'z') },
          ],
        }),
      ]),
    ],
  }),
  'a node reads its own output': modelOf([node('Add', ['x', 'y'], ['y'])]),
  'two nodes read each other': modelOf([node('Add', ['x', 'b'], ['y']), node('Neg', ['y'], ['b'])]),
  'an Identity is its own input': modelOf([node('Identity', ['y'], ['y'])]),
  'two nodes have one output': modelOf([node('Neg', ['x'], ['y']), node('Abs', ['x'], ['y'])]),
  'a node puts out an initializer': modelOf(
    [node('Neg', ['x'], ['y'])],
    {},
    {
      initializer: [{ name: 'y', dims: [1], dataType: elementType.float32, rawData: new Uint8Array(4) }],
    },
  ),
  'no operator set is imported': modelOf([node('Neg', ['x'], ['y'])], { opsetImport: [] }),
  'integers of a shape are fewer than its dims say': modelOf(
    [node('Reshape', ['x', 'shape'], ['y'])],
    {},
    {
      initializer: [{ name: 'shape', dims: [3], dataType: elementType.int64, int64Data: [1, 2] }],
    },
  ),
  'integers of a Constant are more than its dims say': modelOf([
    node('Constant', [], ['shape'], {
      attribute: [{ name: 'value', type: 4, t: { dims: [1], dataType: elementType.int64, int64Data: [1, 2] } }],
    }),
    node('Reshape', ['x', 'shape'], ['y']),
  ]),
  'float16 weights are fewer than their dims say': modelOf(
    [node('Add', ['x', 'w'], ['y'])],
    {},
    {
      initializer: [{ name: 'w', dims: [3], dataType: elementType.float16, int32Data: [1, 2] }],
    },
  ),
  'float16 weights that nothing reads are fewer than their dims say': modelOf(
    [node('Neg', ['x'], ['y'])],
    {},
    {
      initializer: [{ name: 'w', dims: [3], dataType: elementType.float16, int32Data: [1, 2] }],
    },
  ),
}
