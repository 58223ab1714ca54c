import { safetensorsHead } from '../checkpoint/safetensors-head.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { bytesPart } from '../onnx/splice.ts'
import { dtypeCode, dtypeName, dtypeOf, rawBytes } from '../tensor/dtype.ts'
import type { IndexedInput } from './merge-input.ts'
import { type PlannedFile, type PlanPart, plannedFile, type RetypedPart, type TensorPart } from './plan-parts.ts'
import type { TensorPlaces } from './tensor-places.ts'
import type { TypeChange } from './type-change.ts'

/**
 * Returns the places of the tensors of a soup of checkpoints in one new safetensors file. `main` returns that file, once all tensors are put.
 * A safetensors base whose tensors keep their types needs no new file: its own is copied, with other values.
 */
export function checkpointFile(
  { layout }: IndexedInput,
  change: Pick<TypeChange, 'tensors' | 'dtype'>,
): TensorPlaces & { main(): PlannedFile } {
  const parts = new Map<TensorEntry, PlanPart>()
  return {
    put(tensor, elements) {
      parts.set(tensor, elements ?? ownPart(tensor))
      return true
    },
    finish: () => ({ edits: [], data: new Map() }),
    main() {
      const written = layout.tensors.map(tensor => {
        const dataType = change.tensors.has(tensor.path) ? dtypeCode(change.dtype) : tensor.dataType
        return { tensor, key: tensor.name, dims: tensor.dims, dataType, bytes: bytesOf(dataType, tensor.elements) }
      })
      const { bytes, ordered } = safetensorsHead(written, layout.checkpoint?.metadata ?? new Map())
      const data = ordered.flatMap(({ tensor }) => parts.get(tensor) ?? [])
      return plannedFile([bytesPart(bytes), ...data.filter(({ length }) => length > 0)])
    },
  }
}

/** Returns the elements of a tensor of the base as they are. */
function ownPart(tensor: TensorEntry): Exclude<PlanPart, TensorPart | RetypedPart> {
  const { payload } = tensor
  if (payload.form === 'raw') return { kind: 'copy', from: payload.offset, length: payload.length }
  if (payload.form === 'external')
    return { kind: 'data', location: payload.location, from: payload.offset, length: payload.length }
  return { kind: 'elements', tensor, from: 0, length: bytesOf(tensor.dataType, tensor.elements) }
}

function bytesOf(dataType: number, elements: number): number {
  const dtype = dtypeOf(dataType)
  if (!dtype) throw new RangeError(`there is no element type ${dtypeName(dataType)}`)
  return rawBytes(dtype, elements)
}

/** Returns the change of a checkpoint whose weights get another type. Nothing else depends on their types. */
export function checkpointTypes(
  { layout }: IndexedInput,
  weights: ReadonlySet<string>,
  dtype: TypeChange['dtype'],
): TypeChange {
  const changed = layout.tensors.filter(({ path, dataType }) => weights.has(path) && dtypeName(dataType) !== dtype)
  return { dtype, tensors: new Set(changed.map(({ path }) => path)), edits: [] }
}
