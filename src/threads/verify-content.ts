import { createHash } from 'node:crypto'
import { Piscina } from 'piscina'
import { type FileSource, openFileSource } from '../storage/file-source.ts'
import type { HashFile } from '../storage/sound-files.ts'

const windowBytes = 1 << 20
const idleMilliseconds = 10_000
/** Hashing is to find damage, not to take the processors from what it is done for. */
const maxThreads = 2

/** Hashes files in threads of its own, so that neither uploads nor merges wait behind gigabytes that are read to the end. */
export type ContentHasher = { hash: HashFile; close(): Promise<void> }

export function createContentHasher(onThreadError: (error: unknown) => void): ContentHasher {
  const pool = new Piscina({
    filename: import.meta.url,
    name: sha256OfFile.name,
    minThreads: 0,
    maxThreads,
    idleTimeout: idleMilliseconds,
  })
  pool.on('error', onThreadError)
  return {
    hash: (path, signal) => pool.run(path, { signal }),
    close: () => pool.destroy(),
  }
}

/** What a thread of the pool runs. @returns `sha256:<hex>`, or why the file cannot be read: errors would lose their code on the way */
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
