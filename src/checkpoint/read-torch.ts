import { type ByteSource, readBytes } from '../onnx/byte-source.ts'
import type { Layout, TensorEntry, TensorPayload } from '../onnx/layout.ts'
import { limitExceeded } from '../onnx/limit-exceeded.ts'
import { limits } from '../onnx/model-limits.ts'
import { checkpointLayout } from './checkpoint-layout.ts'
import { requireShortPickle } from './pickle/pickle-reader.ts'
import { readPickle } from './pickle/read-pickle.ts'
import type { TorchTensor } from './pickle/values.ts'
import { bitsOf } from './safetensors-dtypes.ts'
import { findStateDict } from './state-dict.ts'
import { malformedCheckpoint, shownName, unsupportedCheckpoint } from './unreadable-checkpoint.ts'
import { readZipEntries, type ZipEntries } from './zip-entries.ts'

const pickleName = 'data.pkl'

/**
 * Indexes a checkpoint that torch.save wrote: a zip file with a pickle and the storages of the tensors. Executes nothing, and reads no storage.
 *
 * @param root place of the dict of tensors; undefined to find it
 * @throws TureenError `TUREEN_CHECKPOINT_MALFORMED`, `TUREEN_CHECKPOINT_UNSUPPORTED`, `TUREEN_MODEL_LIMIT`; `TUREEN_REQUEST_INVALID` if there are no
 * tensors at `root`
 */
export function readTorch(source: ByteSource, root?: string): Layout {
  const entries = readZipEntries(source)
  const name = entries.names.find(each => each === pickleName || each.endsWith(`/${pickleName}`))
  const pickle = name === undefined ? undefined : entries.find(name)
  if (name === undefined || !pickle) throw malformedCheckpoint(`has no ${pickleName} in its zip file`)
  requireShortPickle(pickle.bytes)
  const folder = name.slice(0, -pickleName.length)
  requireLittleEndian(source, entries, folder)
  const value = readPickle(readBytes(source, pickle.start, pickle.bytes))
  const { tensors: found, ...facts } = findStateDict(value, root)
  if (found.size > limits.tensors) throw limitExceeded('tensors', 'tensors')
  const tensors = [...found].map(([key, tensor], index) => entryOf(key, tensor, index, folder, entries))
  requireBoundedViews(tensors, source.byteLength)
  return checkpointLayout(source.byteLength, tensors, { format: 'torch', metadata: new Map(), ...facts })
}

/** Refuses a checkpoint of a big-endian machine. Files of PyTorch before 2.1 do not state the order of bytes; such machines hardly wrote any. */
function requireLittleEndian(source: ByteSource, entries: ZipEntries, folder: string): void {
  const order = entries.find(`${folder}byteorder`)
  const text = order && Buffer.from(readBytes(source, order.start, Math.min(order.bytes, 8))).toString('latin1')
  if (text === undefined || text === 'little') return
  throw unsupportedCheckpoint(
    `has the byte order ${shownName(text)}`,
    'Save it on a little-endian machine: `torch.save(torch.load("FILE", weights_only=True), "weights.pt")`.',
    { expected: 'little', actual: shownName(text) },
  )
}

function entryOf(key: string, tensor: TorchTensor, index: number, folder: string, entries: ZipEntries): TensorEntry {
  const name = shownName(key)
  const fail = (found: string) => malformedCheckpoint(`has the tensor ${name}, which ${found}`, { tensor: name })
  if (Buffer.byteLength(key) > limits.textBytes) throw limitExceeded('textBytes', 'bytes in the name of a tensor')
  if (!key.isWellFormed()) throw fail('has a name that is no Unicode text')
  const { storage, dataType, dims } = tensor
  const elements = dims.reduce((product, dim) => product * dim, 1)
  const width = bitsOf(dataType) / 8
  if (!Number.isSafeInteger(elements * width)) throw fail(`has more elements than can be: [${dims.join(', ')}]`)
  const entry = entries.find(`${folder}data/${storage.key}`)
  if (!entry) throw fail(`lies in the storage ${shownName(storage.key)}, which is not in the zip file`)
  const last = dims.reduce((sum, dim, axis) => sum + (dim - 1) * (tensor.strides[axis] ?? 0), 0)
  const end = elements === 0 ? 0 : (tensor.offset + last + 1) * width
  if (!(end <= entry.bytes))
    throw fail(`ends at byte ${end} of the storage ${shownName(storage.key)}, which has ${entry.bytes}`)
  const payload = payloadOf(tensor, elements, width, entry.start)
  return { name: key, path: `tensor[${index}]`, frame: -1, dataType, dims: [...dims], elements, payload }
}

/** Returns the place of a tensor's elements. @param start offset of its storage */
function payloadOf(tensor: TorchTensor, elements: number, width: number, start: number): TensorPayload {
  if (elements === 0) return { form: 'raw', start, offset: start, length: 0 }
  const offset = start + tensor.offset * width
  if (isContiguous(tensor)) return { form: 'raw', start: offset, offset, length: elements * width }
  return { form: 'strided', offset, dims: tensor.dims, strides: tensor.strides.map(stride => stride * width), width }
}

function isContiguous({ dims, strides }: TorchTensor): boolean {
  let expected = 1
  for (let axis = dims.length - 1; axis >= 0; axis -= 1) {
    const dim = dims[axis] ?? 1
    if (dim !== 1 && strides[axis] !== expected) return false
    expected *= dim
  }
  return true
}

/** Tensors may share storages. All together they may take so many times the bytes of the file, and so many bytes more. */
const [mostTimes, mostMore] = [16, 64 << 20]

/** Bounds the bytes of all tensors: views of one storage, such as expanded ones, could make a small file stand for any number of bytes. */
function requireBoundedViews(tensors: readonly TensorEntry[], fileBytes: number): void {
  const bytes = tensors.reduce((sum, { elements, dataType }) => sum + elements * (bitsOf(dataType) / 8), 0)
  if (bytes <= fileBytes * mostTimes + mostMore) return
  throw unsupportedCheckpoint(
    `has ${fileBytes.toLocaleString('en')} bytes, and its tensors together ${bytes.toLocaleString('en')}: they are views of the same elements`,
    'Save each tensor by itself: `torch.save({key: tensor.contiguous() for key, tensor in state_dict.items()}, "weights.pt")`.',
    { actual: `${bytes} bytes` },
  )
}
