import { type ByteSource, readBytes } from '../byte-source.ts'

/** A zip archive ends with a record of 22 bytes and a comment of at most 65,535 (APPNOTE.TXT 4.3.16). */
const longestEnd = 65_535 + 22
/** Bounds on the names read: enough to say what an archive holds. */
const mostNames = 1000
const mostDirectoryBytes = 1 << 20

/**
 * Returns the names of the first entries of a zip archive, from its central directory. If the directory is cut off,
 * returns the name of the first entry. Source: PKWARE's APPNOTE.TXT 4.3.
 */
export function zipNames(source: ByteSource): string[] {
  const from = Math.max(0, source.byteLength - longestEnd)
  const tail = Buffer.from(readBytes(source, from, source.byteLength - from))
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (end < 0 || end + 22 > tail.byteLength) return firstName(source)
  const offset = tail.readUInt32LE(end + 16)
  const bytes = Math.min(tail.readUInt32LE(end + 12), mostDirectoryBytes)
  if (offset + bytes > source.byteLength) return firstName(source)
  const directory = Buffer.from(readBytes(source, offset, bytes))
  const names: string[] = []
  for (let at = 0; at + 46 <= directory.byteLength && names.length < mostNames; ) {
    if (directory.readUInt32LE(at) !== 0x02014b50) break
    const length = directory.readUInt16LE(at + 28)
    names.push(shown(directory.subarray(at + 46, at + 46 + length)))
    at += 46 + length + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return names
}

/** Returns the name in the local header at the start of an archive. */
function firstName(source: ByteSource): string[] {
  if (source.byteLength < 30) return []
  const length = Buffer.from(readBytes(source, 26, 2)).readUInt16LE()
  if (length === 0 || 30 + length > source.byteLength) return []
  return [shown(readBytes(source, 30, length))]
}

const longestName = 100

function shown(name: Uint8Array): string {
  const text = new TextDecoder().decode(name).replace(/\p{Cc}/gu, '?')
  return text.length > longestName ? `...${text.slice(-longestName)}` : text
}
