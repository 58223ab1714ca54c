import { type ByteSource, readBytes } from '../byte-source.ts'
import type { FileHead } from './impostor.ts'

/** Bytes of the slots of a root table: four fields at most (onnxruntime's ort.fbs: version, model, and two that old versions lack). */
const mostSlotBytes = 12
/** Longest version, such as `5` or `1.4.0`. */
const longestVersion = 20

/**
 * True for a flatbuffer whose root is onnxruntime's InferenceSession, with or without its marker ORTM: a version as text, then a model. A
 * version beyond the end of the source counts as one, since the source may be only the beginning of a file.
 */
export function isOrtSession({ bytes }: FileHead, source: ByteSource): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const slots = rootSlots(view)
  if (slots === undefined) return false
  const { root, version, model } = slots
  const place = root + version + view.getUint32(root + version, true)
  const isForward = view.getUint32(root + model, true) > 0
  if (!isForward) return false
  if (place + 4 > source.byteLength) return true
  const length = new DataView(readBytes(source, place, 4).buffer).getUint32(0, true)
  if (length === 0 || length > longestVersion) return false
  if (place + 4 + length > source.byteLength) return true
  return /^\d[\w.+-]*$/.test(Buffer.from(readBytes(source, place + 4, length)).toString('latin1'))
}

/**
 * Returns the place of a flatbuffer's root table, and those of its first two fields in it; undefined if the bytes are no such table
 * (https://flatbuffers.dev/internals/).
 */
function rootSlots(view: DataView): { root: number; version: number; model: number } | undefined {
  const fits = (offset: number, length: number) => offset >= 4 && offset + length <= view.byteLength
  if (view.byteLength < 4) return undefined
  const root = view.getUint32(0, true)
  if (!fits(root, 4)) return undefined
  const table = root - view.getInt32(root, true)
  if (!fits(table, 8)) return undefined
  const slotBytes = view.getUint16(table, true)
  const tableBytes = view.getUint16(table + 2, true)
  const [version, model] = [view.getUint16(table + 4, true), view.getUint16(table + 6, true)]
  const isField = (offset: number) =>
    offset >= 4 && offset % 4 === 0 && offset + 4 <= tableBytes && fits(root + offset, 4)
  const isTable = slotBytes >= 8 && slotBytes <= mostSlotBytes && slotBytes % 2 === 0
  return isTable && isField(version) && isField(model) && version !== model ? { root, version, model } : undefined
}
