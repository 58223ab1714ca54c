import { dtypeOf } from '../tensor/dtype.ts'
import type { Network } from './graph/network.ts'
import { isAttributeFloats, type Layout, type TensorEntry } from './layout.ts'

/**
 * The paths of the tensors that a soup averages: floats wherever they stand that are no parameters of operations, and lists of floats
 * that no output depends on.
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

/** Whether a tensor holds elements that can be averaged. */
export function holdsFloats({ dataType, elements, payload, path }: TensorEntry): boolean {
  if (elements === 0 || payload.form === 'none' || !dtypeOf(dataType)?.float) return false
  // Defaults of a function's attributes are compared byte by byte, as onnx-proto cannot decode what refers to them.
  return !path.includes('.attribute_proto[')
}

/** Such as the ratio of an inactive Dropout, which a runtime still checks: 1 as the sum of two halves would not run. */
function isSingleNumber({ dims }: TensorEntry): boolean {
  return dims.length === 0
}

/** Plain floats of another operator than Constant, which the network has as text. */
function isOperatorSetting({ name, path }: TensorEntry): boolean {
  return name === '' && isAttributeFloats(path)
}
