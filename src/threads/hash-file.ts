import { createHash } from 'node:crypto'
import { chunksOf } from '../onnx/byte-source.ts'
import { type FileSource, openFileSource } from '../storage/file-source.ts'

/**
 * Hashes a file.
 * @param onChunk called after each chunk that was read and hashed
 * @returns `sha256:<hex>`, or the reason why the file cannot be read. It does not throw, because errors lose their code
 * between threads.
 */
export function sha256OfFile(
  path: string,
  onChunk: () => void = () => undefined,
): { sha256: string } | { unreadable: string } {
  let file: FileSource | undefined
  try {
    file = openFileSource(path)
    const hash = createHash('sha256')
    for (const { bytes } of chunksOf(file)) {
      hash.update(bytes)
      onChunk()
    }
    return { sha256: `sha256:${hash.digest('hex')}` }
  } catch (error) {
    return { unreadable: error instanceof Error && 'code' in error ? String(error.code) : String(error) }
  } finally {
    file?.close()
  }
}
