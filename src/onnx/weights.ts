import { dtypeOf } from '../tensor/dtype.ts'
import { isMainInitializer, type Layout, type TensorEntry } from './layout.ts'
import type { ModelProto } from './onnx-proto.ts'
import { parameterSlots } from './parameter-slots.ts'
import type { ParameterUse } from './value-flow.ts'

/** Which tensors of a model a soup averages. */
export type Weights = {
  /** The paths of those: float tensors wherever they stand, but for parameters of operations. */
  averaged: ReadonlySet<string>
  /** The parameters among the tensors of any type, and what each is a parameter of. */
  parameters: ReadonlyMap<string, ParameterUse>
}

/**
 * Constants that a model puts out as they are (a version number, the shape of an action) are small and no initializers that pass
 * through an operation first; what else is put out are weights.
 */
const largestConstantOutput = 8

const known = new WeakMap<Layout, Weights>()

/** Found once for each layout: describing, matching and merging a model all ask for it. */
export function weightsOf(layout: Layout, model: ModelProto): Weights {
  const weights = known.get(layout) ?? findWeights(layout, model)
  known.set(layout, weights)
  return weights
}

function findWeights(layout: Layout, model: ModelProto): Weights {
  const parameters = parameterSlots(model)
  const outputs = new Set(model.graph?.output?.map(({ name }) => name))
  const isConstantOutput = (tensor: TensorEntry) =>
    tensor.elements <= largestConstantOutput && (!isMainInitializer(tensor) || outputs.has(tensor.name))
  const isParameter = (tensor: TensorEntry) => {
    const use = parameters.get(tensor.path)
    return use !== undefined && (!use.isOutput || isConstantOutput(tensor))
  }
  const averaged = layout.tensors.filter(tensor => holdsFloats(tensor) && !isParameter(tensor))
  return { averaged: new Set(averaged.map(({ path }) => path)), parameters }
}

function holdsFloats({ dataType, elements, payload, path }: TensorEntry): boolean {
  if (elements === 0 || payload.form === 'none' || !dtypeOf(dataType)?.float) return false
  // Defaults of a function's attributes are compared byte by byte, as onnx-proto cannot decode what refers to them.
  return !path.includes('.attribute_proto[')
}
