import { type ByteSource, readBytes } from '../onnx/byte-source.ts'
import { checkpointLimits } from './checkpoint-limits.ts'
import { checkpointTooLarge, malformedCheckpoint, shownName, unsupportedCheckpoint } from './unreadable-checkpoint.ts'

/** An entry of a zip file. `start`: offset of its bytes in the file. Stored entries have the bytes themselves. */
export type StoredEntry = { name: string; start: number; bytes: number }

/** The entries of a zip file by name. */
export type ZipEntries = {
  names: readonly string[]
  /**
   * Returns the place of a stored entry; undefined if there is none of this name.
   * @throws TureenError `TUREEN_CHECKPOINT_MALFORMED`; `TUREEN_CHECKPOINT_UNSUPPORTED` for a compressed or encrypted entry
   */
  find(name: string): StoredEntry | undefined
}

type DirectoryEntry = { method: number; isEncrypted: boolean; storedBytes: number; bytes: number; header: number }

/** Signatures, and bytes of records without their variable parts (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.14 to 4.3.16). */
const end = { signature: 0x06054b50, bytes: 22 }
const locator = { signature: 0x07064b50, bytes: 20 }
const end64 = { signature: 0x06064b50, bytes: 56 }
const directory = { signature: 0x02014b50, bytes: 46 }
const local = { signature: 0x04034b50, bytes: 30 }
/** Most bytes of the comment after the end record. */
const longestComment = 0xffff
/** A size or an offset that stands in the extra field of zip64 instead. */
const isIn64 = 0xffffffff
const zip64Extra = 1
const stored = 0

/**
 * Reads the directory of a zip file as PyTorch writes it, zip64 included. The reader of data sets (yauzl) is asynchronous, and everything that
 * opens models is not.
 *
 * @throws TureenError `TUREEN_CHECKPOINT_MALFORMED`, `TUREEN_MODEL_LIMIT`; `TUREEN_CHECKPOINT_UNSUPPORTED` for several zip files in a row
 */
export function readZipEntries(source: ByteSource): ZipEntries {
  const { count, offset, bytes } = findDirectory(source)
  if (count > checkpointLimits.zipEntries) throw checkpointTooLarge('zipEntries', 'entries in its zip file')
  if (bytes > checkpointLimits.zipDirectoryBytes)
    throw checkpointTooLarge('zipDirectoryBytes', 'bytes in the directory of its zip file')
  const view = Buffer.from(readBytes(source, offset, bytes))
  const entries = new Map<string, DirectoryEntry>()
  let at = 0
  for (let index = 0; index < count; index += 1) {
    if (at + directory.bytes > bytes || view.readUInt32LE(at) !== directory.signature)
      throw malformedCheckpoint(`has a zip directory of ${count} entries that ends after ${index}`)
    const nameEnd = at + directory.bytes + view.readUInt16LE(at + 28)
    const extraEnd = nameEnd + view.readUInt16LE(at + 30)
    const next = extraEnd + view.readUInt16LE(at + 32)
    if (next > bytes) throw malformedCheckpoint('has a zip directory that is cut off')
    const name = view.toString('utf8', at + directory.bytes, nameEnd)
    if (entries.has(name)) throw malformedCheckpoint(`has the entry ${shownName(name)} twice in its zip file`)
    entries.set(name, readEntry(view, at, view.subarray(nameEnd, extraEnd), name))
    at = next
  }
  return {
    names: [...entries.keys()],
    find(name) {
      const entry = entries.get(name)
      return entry && { name, start: dataStart(source, name, entry, offset), bytes: entry.bytes }
    },
  }
}

/** Returns the place of the directory. */
function findDirectory(source: ByteSource): { count: number; offset: number; bytes: number } {
  // Few files have a comment behind their end.
  const { at, record } = findEnd(source, 0) ?? findEnd(source, longestComment) ?? { at: -1, record: undefined }
  if (!record) throw malformedCheckpoint('is a zip file without its end')
  const short = {
    count: record.readUInt16LE(10),
    bytes: record.readUInt32LE(12),
    offset: record.readUInt32LE(16),
    record: at,
  }
  const found = longDirectory(source, at) ?? short
  if (found.offset + found.bytes === found.record) return found
  if (found.offset + found.bytes > found.record)
    throw malformedCheckpoint('has a zip directory that lies outside of it')
  throw severalFiles()
}

/** Returns the refusal of bytes before a zip file. A shard of torch.distributed.checkpoint is a row of zip files. */
function severalFiles() {
  return unsupportedCheckpoint(
    'is a row of several zip files, as the shards (.distcp) of torch.distributed.checkpoint (FSDP) are',
    fsdpRemedy,
  )
}

/** How to convert a folder of FSDP shards, in two lines of Python. */
export const fsdpRemedy =
  'Convert the whole folder first: `from torch.distributed.checkpoint.format_utils import dcp_to_torch_save`, then `dcp_to_torch_save("FOLDER", "weights.pt")`.'

/** Finds the end record, whose comment has at most so many bytes and reaches to the end of the file; undefined if there is none. */
function findEnd(source: ByteSource, commentBytes: number): { at: number; record: Buffer } | undefined {
  const from = Math.max(0, source.byteLength - end.bytes - commentBytes)
  const tail = Buffer.from(readBytes(source, from, source.byteLength - from))
  for (let at = tail.byteLength - end.bytes; at >= 0; at -= 1) {
    const isEnd =
      tail.readUInt32LE(at) === end.signature && at + end.bytes + tail.readUInt16LE(at + 20) === tail.byteLength
    if (isEnd) return { at: from + at, record: tail.subarray(at, at + end.bytes) }
  }
  return undefined
}

/** Returns the place of the directory by the record of zip64; undefined if there is none. @param endRecord offset of the end record */
function longDirectory(source: ByteSource, endRecord: number) {
  if (endRecord < locator.bytes + end64.bytes) return undefined
  const found = Buffer.from(readBytes(source, endRecord - locator.bytes, locator.bytes))
  if (found.readUInt32LE(0) !== locator.signature) return undefined
  const record = Number(found.readBigUInt64LE(8))
  // The record stands right before its locator. Offsets count from the start of the zip file, which is that of the file.
  if (record + end64.bytes !== endRecord - locator.bytes) throw severalFiles()
  const long = Buffer.from(readBytes(source, record, end64.bytes))
  if (long.readUInt32LE(0) !== end64.signature) throw malformedCheckpoint('has no zip64 record where its zip file says')
  const [count, bytes, offset] = [32, 40, 48].map(place => Number(long.readBigUInt64LE(place)))
  return { count: count ?? 0, bytes: bytes ?? 0, offset: offset ?? 0, record }
}

function readEntry(view: Buffer, at: number, extra: Buffer, name: string): DirectoryEntry {
  const long = longNumbers(extra, name)
  const number = (place: number) => {
    const value = view.readUInt32LE(place)
    return value === isIn64 ? long() : value
  }
  // The order of the numbers in the extra field (APPNOTE.TXT 4.5.3).
  const bytes = number(at + 24)
  const storedBytes = number(at + 20)
  const header = number(at + 42)
  const isEncrypted = (view.readUInt16LE(at + 8) & 1) === 1
  return { method: view.readUInt16LE(at + 10), isEncrypted, storedBytes, bytes, header }
}

/** Returns a function that returns the numbers of the zip64 extra field one by one. */
function longNumbers(extra: Buffer, name: string): () => number {
  let found: Buffer | undefined
  for (let at = 0; at + 4 <= extra.byteLength && !found; at += 4 + extra.readUInt16LE(at + 2))
    if (extra.readUInt16LE(at) === zip64Extra) found = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2))
  let place = 0
  return () => {
    if (!found || place + 8 > found.byteLength)
      throw malformedCheckpoint(`has the entry ${shownName(name)} without its sizes in its zip file`)
    const value = Number(found.readBigUInt64LE(place))
    place += 8
    return value
  }
}

/** Returns the offset of an entry's bytes. @param limit start of the directory, before which all entries end */
function dataStart(source: ByteSource, name: string, entry: DirectoryEntry, limit: number): number {
  const shown = shownName(name)
  if (entry.isEncrypted) throw unsupportedCheckpoint(`has the encrypted entry ${shown} in its zip file`, saveAgain)
  if (entry.method !== stored)
    throw unsupportedCheckpoint(
      `has the compressed entry ${shown} in its zip file, and PyTorch stores entries as they are`,
      saveAgain,
    )
  const outside = () => malformedCheckpoint(`has the entry ${shown}, which lies outside of its zip file`)
  if (entry.bytes !== entry.storedBytes || entry.header + local.bytes > limit) throw outside()
  const header = Buffer.from(readBytes(source, entry.header, local.bytes))
  if (header.readUInt32LE(0) !== local.signature) throw outside()
  const start = entry.header + local.bytes + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (start + entry.bytes > limit) throw outside()
  return start
}

const saveAgain = 'Save it with torch.save, and do not pack the file again.'
