import type { onnx } from 'onnx-proto'
import { float32Tensor } from './onnx-model.ts'

/** Attributes in the form of files. */
export const float = (name: string, f: number): onnx.IAttributeProto => ({ name, type: 1, f: Math.fround(f) })
export const int = (name: string, i: number): onnx.IAttributeProto => ({ name, type: 2, i })
export const text = (name: string, s: string): onnx.IAttributeProto => ({ name, type: 3, s: Buffer.from(s) })
export const ints = (name: string, values: number[]): onnx.IAttributeProto => ({ name, type: 7, ints: values })
export const graphOf = (name: string, g: onnx.IGraphProto): onnx.IAttributeProto => ({ name, type: 5, g })
export const reference = (name: string, refAttrName: string, type: number): onnx.IAttributeProto => ({
  name,
  refAttrName,
  type,
})

/** Functions that call each other and have an attribute. */
export const functions: onnx.IFunctionProto[] = [
  {
    name: 'Bend',
    domain: 'custom',
    input: ['v', 'w'],
    output: ['out'],
    attribute: ['slope'],
    opsetImport: [
      { domain: '', version: 13 },
      { domain: 'custom', version: 1 },
    ],
    node: [
      { opType: 'LeakyRelu', input: ['v'], output: ['bent'], attribute: [reference('alpha', 'slope', 1)] },
      { opType: 'Lift', domain: 'custom', input: ['bent'], output: ['lifted'] },
      { opType: 'Sub', input: ['lifted', 'w'], output: ['out'] },
    ],
  },
  {
    name: 'Lift',
    domain: 'custom',
    input: ['v'],
    output: ['w'],
    opsetImport: [{ domain: '', version: 13 }],
    node: [
      {
        opType: 'Constant',
        output: ['by'],
        attribute: [{ name: 'value', type: 4, t: float32Tensor('', [2], [3, 4]) }],
      },
      { opType: 'Add', input: ['v', 'by'], output: ['w'] },
    ],
  },
]
