import type { onnx } from 'onnx-proto'
import { elementType } from './onnx-model.ts'
import { encodeModel } from './rich-model.ts'

/** Value of an attribute in a test: single numbers are integers, plain lists are lists of floats. */
export type Written =
  | number
  | string
  | { ints: number[] }
  | { strings: string[] }
  | { tensor: onnx.ITensorProto }
  | number[]

function attributeOf(name: string, value: Written): onnx.IAttributeProto {
  if (typeof value === 'number') return { name, type: 2, i: value }
  if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) }
  if (Array.isArray(value)) return { name, type: 6, floats: value }
  if ('ints' in value) return { name, type: 7, ints: value.ints }
  if ('tensor' in value) return { name, type: 4, t: value.tensor }
  return { name, type: 8, strings: value.strings.map(text => Buffer.from(text)) }
}

/** Returns a node of ai.onnx.ml. */
export function classicNode(
  opType: string,
  input: string,
  output: string[],
  attributes: Record<string, Written>,
): onnx.INodeProto {
  return {
    name: `the ${opType}`,
    opType,
    domain: 'ai.onnx.ml',
    input: [input],
    output,
    attribute: Object.entries(attributes).map(([name, value]) => attributeOf(name, value)),
  }
}

/** A tensor of [n] or [n, width]. The default type is float32. */
type Output = { elemType?: number; width?: number; type?: onnx.ITypeProto }

/** Returns a model with some nodes, with the input `x` of float32 [n, features] and these outputs. */
export function classicModel(
  node: onnx.INodeProto[],
  features: number,
  outputs: Record<string, Output>,
): Uint8Array<ArrayBuffer> {
  const value = (name: string, elemType: number, width?: number): onnx.IValueInfoProto => {
    const dim = [{ dimParam: 'n' }, ...(width === undefined ? [] : [{ dimValue: width }])]
    return { name, type: { tensorType: { elemType, shape: { dim } } } }
  }
  return encodeModel({
    irVersion: 8,
    opsetImport: [
      { domain: '', version: 13 },
      { domain: 'ai.onnx.ml', version: 3 },
    ],
    graph: {
      name: 'classic',
      node,
      input: [value('x', elementType.float32, features)],
      output: Object.entries(outputs).map(([name, { elemType = elementType.float32, width, type }]) =>
        type ? { name, type } : value(name, elemType, width),
      ),
    },
  })
}

/** Numbers of a pipeline with a Scaler and a LinearClassifier of three classes and two features. */
export type Pipeline = { offset: number[]; scale: number[]; coefficients: number[]; intercepts: number[] }

/** Returns the model of a pipeline, with the outputs `label` and `probabilities`. */
export function pipelineModel({ offset, scale, coefficients, intercepts }: Pipeline): Uint8Array<ArrayBuffer> {
  const classifier = {
    classlabels_ints: { ints: [0, 1, 2] },
    coefficients,
    intercepts,
    multi_class: 1,
    post_transform: 'SOFTMAX',
  }
  return classicModel(
    [
      classicNode('Scaler', 'x', ['scaled'], { offset, scale }),
      classicNode('LinearClassifier', 'scaled', ['label', 'probabilities'], classifier),
    ],
    2,
    { label: { elemType: elementType.int64 }, probabilities: { width: 3 } },
  )
}

/** Two pipelines of a Scaler and a LinearClassifier, with different values. */
export const first: Pipeline = {
  offset: [0.5, -1],
  scale: [2, 0.25],
  coefficients: [1, -2, 0.5, 3, -1.5, 0.25],
  intercepts: [0.5, -0.25, 1],
}
export const second: Pipeline = {
  offset: [0.25, -2],
  scale: [1, 0.75],
  coefficients: [2, -1, -0.5, 2, -0.5, 1.25],
  intercepts: [1, 0.25, -1],
}
