import type { ParameterUse } from '../onnx/graph/network.ts'
import { isMainInitializer, type TensorEntry } from '../onnx/layout.ts'
import { dtypeName } from '../tensor/dtype.ts'

const quantisedTypes = new Set(['int8', 'uint8', 'int4', 'uint4', 'int2', 'uint2'])
const takesBase = '"nonFloat": "base" takes the base\'s'

/**
 * Explains why a tensor that differs between the models is never averaged, and what helps. `use`: its use as a
 * parameter.
 */
export function explainDifference(tensor: TensorEntry, use: ParameterUse | null): string {
  const dtype = dtypeName(tensor.dataType)
  if (isSparseIndices(tensor)) {
    return `the indices of the sparse tensor differ from the base's: its values belong elsewhere, and are not averaged with others`
  }
  if (use) {
    const reason = use.kind === 'slot' && use.reason ? ` (${use.reason})` : ''
    return `the ${dtype} tensor is no weight but ${describeUse(use)}, which is never averaged${reason}; ${takesBase}`
  }
  if (quantisedTypes.has(dtype)) {
    return `the ${dtype} tensor is never averaged; if these are quantised weights, merge the float models first and quantise the soup; ${takesBase}`
  }
  const place = isMainInitializer(tensor) ? '' : ` inside the graph (${tensor.path})`
  return `the ${dtype} tensor${place} is never averaged; ${takesBase}`
}

/** Describes a tensor's use as a parameter in words. */
export function describeUse(use: ParameterUse): string {
  switch (use.kind) {
    case 'slot':
      return use.node === null ? use.slot : `the parameter ${use.slot} of the node ${use.node}`
    case 'rounded':
      return `a number that the node ${use.node} turns into integers or bools`
    case 'scale':
      return `the scale of quantised values in the node ${use.node}`
    default:
      return `a number that the model outputs as ${use.output}`
  }
}

/** True if a tensor holds the indices of a sparse tensor. */
export function isSparseIndices({ path }: TensorEntry): boolean {
  return path.endsWith('.indices')
}
