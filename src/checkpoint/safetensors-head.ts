import { dtypeName } from '../tensor/dtype.ts'
import { bitsOf, safetensorsName } from './safetensors-dtypes.ts'
import { unsupportedCheckpoint } from './unreadable-checkpoint.ts'

/** A tensor of a new file. `bytes`: bytes of its elements. */
export type WrittenTensor = { key: string; dataType: number; dims: readonly number[]; bytes: number }

/** The header is padded with spaces to a multiple of so many bytes, so that the data is aligned. */
const alignedBytes = 8

/**
 * Returns the beginning of a safetensors file: the length of the header, and the header. `ordered`: the tensors in the order of their data. Wide
 * elements come first, so that each tensor is aligned to its elements; otherwise the order is kept.
 *
 * @throws TureenError `TUREEN_CHECKPOINT_UNSUPPORTED` for an element type that the format lacks
 */
export function safetensorsHead<Tensor extends WrittenTensor>(
  tensors: readonly Tensor[],
  metadata: ReadonlyMap<string, string>,
): { bytes: Uint8Array<ArrayBuffer>; ordered: Tensor[] } {
  const ordered = tensors.toSorted((a, b) => bitsOf(b.dataType) - bitsOf(a.dataType))
  const members = metadata.size > 0 ? [`"__metadata__":${JSON.stringify(Object.fromEntries(metadata))}`] : []
  let start = 0
  for (const { key, dataType, dims, bytes } of ordered) {
    const dtype = safetensorsName(dataType)
    if (dtype === undefined) throw withoutName(key, dataType)
    const end = start + bytes
    members.push(`${JSON.stringify(key)}:${JSON.stringify({ dtype, shape: dims, data_offsets: [start, end] })}`)
    start = end
  }
  const text = Buffer.from(`{${members.join(',')}}`)
  const length = Math.ceil(text.byteLength / alignedBytes) * alignedBytes
  const bytes = new Uint8Array(8 + length).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(text, 8)
  return { bytes, ordered }
}

function withoutName(key: string, dataType: number) {
  const dtype = dtypeName(dataType)
  return unsupportedCheckpoint(
    `has the tensor ${key} of type ${dtype}, which a safetensors file cannot hold`,
    'Leave it out of the checkpoint, or save its real and imaginary parts.',
    { tensor: key, actual: dtype },
  )
}
