import { limitExceeded } from '../../onnx/limit-exceeded.ts'
import { limits } from '../../onnx/model-limits.ts'
import { malformedCheckpoint } from '../unreadable-checkpoint.ts'
import { torchDtype } from './torch-types.ts'
import { ofKind, type PickleValue, type TorchTensor } from './values.ts'

/** Returns the tensor that `_rebuild_tensor_v2(storage, offset, size, stride, ...)` makes. Its type is that of the storage. */
export function rebuildTensor(args: readonly PickleValue[]): TorchTensor {
  const storage = ofKind(args[0], 'storage')
  if (!storage || storage.dataType === null) throw wrongArguments()
  return view(args, storage.dataType)
}

/** Returns the tensor that `_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, ...)` makes. */
export function rebuildTypedTensor(args: readonly PickleValue[]): TorchTensor {
  const dataType = torchDtype(ofKind(args[6], 'global')?.name ?? '')
  if (dataType === undefined) throw wrongArguments()
  return view(args, dataType)
}

function view([stored, offset, size, stride]: readonly PickleValue[], dataType: number): TorchTensor {
  const storage = ofKind(stored, 'storage')
  const [dims, strides] = [countsIn(size), countsIn(stride)]
  if (!storage || !isCount(offset) || !dims || !strides || dims.length !== strides.length) throw wrongArguments()
  if (dims.length > limits.tensorRank) throw limitExceeded('tensorRank', 'dimensions in a tensor')
  return { kind: 'tensor', storage, dataType, offset, dims, strides }
}

/** Returns the numbers of a tuple; undefined if it holds something else. */
function countsIn(value: PickleValue | undefined): number[] | undefined {
  const items = ofKind(value, 'tuple')?.items
  return items?.every(isCount) ? [...items] : undefined
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function wrongArguments() {
  return malformedCheckpoint('has a tensor without a storage, an offset, a size and strides in its pickle')
}
