import { dtypeOf } from '../tensor/dtype.ts'
import type { Network } from './graph/network.ts'
import { isAttributeFloats, type Layout, type TensorEntry } from './layout.ts'

/**
 * Returns the paths of the tensors that a soup averages: all floats that are not parameters of operations, including
 * lists of floats that no output depends on.
 */
export function averagedPaths({ tensors }: Layout, network: Network): Set<string> {
  const isAveraged = averagedIn(network)
  const paths = new Set<string>()
  for (const tensor of tensors) if (isAveraged(tensor)) paths.add(tensor.path)
  return paths
}

/** Returns a function that is true for the tensors of {@link averagedPaths}. */
export function averagedIn({ leaves, annotated }: Network): (tensor: TensorEntry) => boolean {
  const weights = new Set<TensorEntry>()
  const parameters = new Set<TensorEntry>()
  for (const { tensor, isWeight } of leaves) if (tensor) (isWeight ? weights : parameters).add(tensor)
  for (const { tensor } of annotated.keys()) if (tensor) parameters.add(tensor)
  return tensor => {
    if (!holdsFloats(tensor) || parameters.has(tensor)) return false
    return weights.has(tensor) || !(isOperatorSetting(tensor) || isSingleNumber(tensor))
  }
}

/** True if a tensor holds elements that can be averaged. */
export function holdsFloats({ dataType, elements, payload, path }: TensorEntry): boolean {
  if (elements === 0 || payload.form === 'none' || !dtypeOf(dataType)?.float) return false
  // Default values of a function's attributes are compared byte by byte: onnx-proto cannot decode references to them.
  return !path.includes('.attribute_proto[')
}

/**
 * True for a scalar, such as the ratio of an inactive Dropout. A runtime still checks it: a ratio of 1, as the sum of
 * two ratios of 0.5, would not run.
 */
function isSingleNumber({ dims }: TensorEntry): boolean {
  return dims.length === 0
}

/** True for plain floats of an operator other than Constant. The network holds them as text. */
function isOperatorSetting({ name, path }: TensorEntry): boolean {
  return name === '' && isAttributeFloats(path)
}
