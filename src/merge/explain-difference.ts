import { isMainInitializer, type TensorEntry } from '../onnx/layout.ts'
import type { ParameterUse } from '../onnx/value-flow.ts'
import { dtypeName, dtypeOf } from '../tensor/dtype.ts'

const quantisedTypes = new Set(['int8', 'uint8', 'int4', 'uint4', 'int2', 'uint2'])

/** Why a tensor that differs between the models, and is never averaged, stands in the way, and what helps. `use`: what it is a parameter of. */
export function explainDifference(tensor: TensorEntry, use: ParameterUse | undefined): string {
  const dtype = dtypeName(tensor.dataType)
  const differs = "has other values than the base's"
  if (use && (use.reason || dtypeOf(tensor.dataType)?.float)) {
    const what = use.node === undefined ? use.slot : `the parameter ${use.slot} of the node ${use.node}`
    const reason = use.reason ? `: ${use.reason}` : ''
    return `the ${dtype} tensor ${differs} and is no weight but ${what}, which is never averaged${reason}`
  }
  if (isSparseIndices(tensor)) {
    return `the indices of the sparse tensor differ from the base's: its values belong elsewhere, and are not averaged with others`
  }
  if (quantisedTypes.has(dtype)) {
    return `the ${dtype} tensor ${differs}; if these are quantised weights, merge the float models first and quantise the soup`
  }
  if (isMainInitializer(tensor)) {
    return `the ${dtype} tensor ${differs} and is never averaged; "nonFloat": "base" takes the base's`
  }
  return `the ${dtype} tensor inside the graph (${tensor.path}) ${differs} and is never averaged; only floats are`
}

function isSparseIndices({ path }: TensorEntry): boolean {
  return path.endsWith('.indices')
}
