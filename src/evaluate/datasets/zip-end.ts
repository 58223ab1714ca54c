import type { FileHandle } from 'node:fs/promises'
import { readFully } from '../../storage/read-fully.ts'

/** Bytes of the record at the end of a zip file, without its comment (APPNOTE.TXT 4.3.16). */
const endBytes = 22
const signature = Buffer.from('PK\x05\x06', 'latin1')
/** Most bytes that may follow the record. Its longest comment has one byte less, and so far Python's zipfile searches. */
const longestTail = 1 << 16

/**
 * Returns the length of a zip file without the bytes that something added after its end, such as an upload form or a padded disk. Python's
 * zipfile ignores them as well. It returns `byteLength` if it finds no end.
 */
export async function zipLength(handle: FileHandle, byteLength: number): Promise<number> {
  const from = Math.max(0, byteLength - endBytes - longestTail)
  const tail = Buffer.alloc(byteLength - from)
  const length = await readFully(handle, tail, 0, tail.byteLength, from)
  const at = tail.subarray(0, length).lastIndexOf(signature)
  if (at < 0 || at + endBytes > length) return byteLength
  return Math.min(byteLength, from + at + endBytes + tail.readUInt16LE(at + endBytes - 2))
}
