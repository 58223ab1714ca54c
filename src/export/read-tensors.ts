import { TureenError } from '../errors.ts'
import { readBytes } from '../onnx/byte-source.ts'
import { elementSource } from '../onnx/elements.ts'
import type { ModelFiles } from '../onnx/external-data.ts'
import type { Layout, TensorEntry } from '../onnx/layout.ts'
import { dtypeName, dtypeOf } from '../tensor/dtype.ts'
import type { CheckpointTensor } from './correspondence.ts'
import type { TensorSupplier } from './derive-weight.ts'
import type { DerivedTensor } from './derived-tensor.ts'
import { type KeyPrefix, renamedKey } from './key-prefix.ts'

/** An indexed model or checkpoint with its open files. */
export type IndexedFiles = ModelFiles & { layout: Layout }

/** Returns the float tensors of a checkpoint, for a comparison with those that a correspondence reads. */
export function checkpointTensors({ tensors }: Layout): CheckpointTensor[] {
  return tensors
    .filter(({ dataType }) => dtypeOf(dataType)?.float)
    .map(({ name, dataType, dims }) => ({ key: name, dtype: dtypeName(dataType), dims }))
}

/**
 * Returns a reader of a checkpoint's tensors by the keys of the checkpoint that was exported.
 * @param prefix the difference between the keys of both, from `fitCheckpoint`
 */
export function tensorSupplier({ layout, ...files }: IndexedFiles, prefix?: KeyPrefix): TensorSupplier {
  const byKey = new Map(layout.tensors.map(tensor => [tensor.name, tensor]))
  return key => {
    const own = prefix ? renamedKey(key, prefix) : key
    const tensor = byKey.get(own)
    if (tensor) return readTensor(tensor, files)
    const message = `lacks the tensor ${own}`
    throw new TureenError(
      'TUREEN_MODELS_DIFFER',
      `The checkpoint ${message}. Take a checkpoint of the exported model.`,
      [{ tensor: own, message }],
    )
  }
}

/** Reads a tensor as a whole. @throws TureenError as `elementSource` does */
export function readTensor(tensor: TensorEntry, { source, data }: ModelFiles): DerivedTensor {
  const elements = elementSource(tensor, source, data)
  return { dtype: dtypeName(tensor.dataType), dims: tensor.dims, bytes: readBytes(elements, 0, elements.byteLength) }
}
