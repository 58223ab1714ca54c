import { dtypeOf } from '../tensor/dtype.ts'
import type { Network } from './graph/network.ts'
import { isAttributeFloats, type Layout, type TensorEntry } from './layout.ts'

/**
 * Returns the paths of the tensors that a soup averages: all floats that are not parameters of operations, including
 * lists of floats that no output depends on.
 */
export function averagedPaths({ tensors }: Layout, { leaves, annotated }: Network): Set<string> {
  const parameters = new Set(
    [...leaves.filter(({ isWeight }) => !isWeight), ...annotated.keys()].map(leaf => leaf.tensor),
  )
  const used = new Set(leaves.map(({ tensor }) => tensor))
  const isSetting = (tensor: TensorEntry) => !used.has(tensor) && (isOperatorSetting(tensor) || isSingleNumber(tensor))
  const averaged = tensors.filter(tensor => holdsFloats(tensor) && !parameters.has(tensor) && !isSetting(tensor))
  return new Set(averaged.map(({ path }) => path))
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
