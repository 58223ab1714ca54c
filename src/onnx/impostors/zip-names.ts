import { type ByteSource, readBytes } from '../byte-source.ts'

/** A zip archive ends with a record of 22 bytes and a comment of at most 65,535 (APPNOTE.TXT 4.3.16). */
const longestEnd = 65_535 + 22
/** Bounds on the names read: enough to say what an archive holds. */
const mostNames = 1000
const mostDirectoryBytes = 1 << 20

/**
 * Returns the names of the first entries of a zip archive, from its central directory. If the directory is cut off,
 * returns the names of the entries that are there. Source: PKWARE's APPNOTE.TXT 4.3.
 */
export function zipNames(source: ByteSource): string[] {
  const from = Math.max(0, source.byteLength - longestEnd)
  const tail = Buffer.from(readBytes(source, from, source.byteLength - from))
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (end < 0 || end + 22 > tail.byteLength) return localNames(source)
  const offset = tail.readUInt32LE(end + 16)
  const bytes = Math.min(tail.readUInt32LE(end + 12), mostDirectoryBytes)
  if (offset + bytes > source.byteLength) return localNames(source)
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

/** Returns the names in the local headers, from the start of an archive as far as the headers say where the next one is. */
function localNames(source: ByteSource): string[] {
  const names: string[] = []
  for (let at = 0; at + 30 <= source.byteLength && names.length < mostNames; ) {
    const header = Buffer.from(readBytes(source, at, 30))
    const length = header.readUInt16LE(26)
    if (header.readUInt32LE(0) !== 0x04034b50 || length === 0 || at + 30 + length > source.byteLength) break
    names.push(shown(readBytes(source, at + 30, length)))
    const bytes = header.readUInt32LE(18)
    // Without a size here, or with one of 64 bits, only the directory says where the next entry is.
    if (bytes === 0xffffffff || (bytes === 0 && header.readUInt16LE(6) & 8)) break
    at += 30 + length + header.readUInt16LE(28) + bytes
  }
  return names
}

const longestName = 100

function shown(name: Uint8Array): string {
  const text = new TextDecoder().decode(name).replace(/\p{Cc}/gu, '?')
  return text.length > longestName ? `...${text.slice(-longestName)}` : text
}
