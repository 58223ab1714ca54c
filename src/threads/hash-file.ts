import { createHash } from 'node:crypto'
import { type FileSource, openFileSource } from '../storage/file-source.ts'

const windowBytes = 1 << 20

/** @returns `sha256:<hex>`, or why the file cannot be read: errors would lose their code on the way */
export function sha256OfFile(path: string): { sha256: string } | { unreadable: string } {
  let file: FileSource | undefined
  try {
    file = openFileSource(path)
    const hash = createHash('sha256')
    const window = new Uint8Array(Math.min(windowBytes, file.byteLength))
    for (let offset = 0; offset < file.byteLength; offset += windowBytes) {
      const bytes = window.subarray(0, Math.min(windowBytes, file.byteLength - offset))
      file.read(offset, bytes)
      hash.update(bytes)
    }
    return { sha256: `sha256:${hash.digest('hex')}` }
  } catch (error) {
    return { unreadable: error instanceof Error && 'code' in error ? String(error.code) : String(error) }
  } finally {
    file?.close()
  }
}
