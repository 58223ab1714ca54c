import type { FileHandle } from 'node:fs/promises'
import { readFully } from '../../storage/read-fully.ts'

/** Bytes of the record at the end of a zip file, without its comment (APPNOTE.TXT 4.3.16). */
const endBytes = 22
const signature = Buffer.from('PK\x05\x06', 'latin1')
/** Bytes of the record before that in a zip64 file (APPNOTE.TXT 4.3.15). */
const locatorBytes = 20
const locator = Buffer.from('PK\x06\x07', 'latin1')
/** Most bytes that may follow the record. Its longest comment has one byte less, and so far Python's zipfile searches. */
const longestTail = 1 << 16

/**
 * Returns the place of a zip file in a file. Other bytes may stand before it, such as another zip file, and after it, such as the end of a
 * form. Python's zipfile finds the same place. It returns the whole file if it finds no end.
 */
export async function zipPlace(handle: FileHandle, byteLength: number): Promise<{ start: number; end: number }> {
  const from = Math.max(0, byteLength - endBytes - longestTail - locatorBytes)
  const tail = Buffer.alloc(byteLength - from)
  const length = await readFully(handle, tail, 0, tail.byteLength, from)
  const at = tail.subarray(0, length).lastIndexOf(signature)
  if (at < 0 || at + endBytes > length || byteLength - from - at > endBytes + longestTail)
    return { start: 0, end: byteLength }
  const isZip64 = at >= locatorBytes && tail.subarray(at - locatorBytes).indexOf(locator) === 0
  // The directory stands right before the record, and its offset counts from the start of the zip file.
  const directoryEnd = tail.readUInt32LE(at + 12) + tail.readUInt32LE(at + 16)
  const start = isZip64 ? 0 : Math.max(0, from + at - directoryEnd)
  return { start, end: Math.min(byteLength, from + at + endBytes + tail.readUInt16LE(at + endBytes - 2)) }
}
