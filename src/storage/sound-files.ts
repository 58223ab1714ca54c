import { type FileState, fileState } from './file-state.ts'
import { onlyLinked } from './link-notes.ts'

/** Reads a file to its end. @returns its digest, or why it cannot be read */
export type HashFile = (path: string, signal: AbortSignal) => Promise<{ sha256: string } | { unreadable: string }>

/**
 * Knows which files hold the bytes that they should, and reads them only where it does not: once in the life of the process, and
 * again after a file was touched. A link that `npm run backup` made does not count.
 */
export type SoundFiles = {
  /** Takes a file's word for it: its bytes were hashed while they were written. */
  trust(path: string): Promise<void>
  /** What is wrong with a file whose digest should be `sha256`; null if nothing is. */
  check(path: string, sha256: string, signal: AbortSignal): Promise<string | null>
  forget(path: string): void
}

export function soundFiles(hash: HashFile): SoundFiles {
  const known = new Map<string, FileState>()
  return {
    async trust(path) {
      known.set(path, await fileState(path))
    },
    async check(path, sha256, signal) {
      let state: FileState
      try {
        state = await fileState(path)
      } catch (error) {
        return isGone(error) ? 'is gone' : `cannot be read (${error instanceof Error ? error.message : error})`
      }
      const before = known.get(path)
      if (before && (isSame(before, state) || (await onlyLinked(path, before, state)))) {
        known.set(path, state)
        return null
      }
      known.delete(path)
      const found = await hash(path, signal)
      if ('unreadable' in found) return `cannot be read (${found.unreadable})`
      if (found.sha256 !== sha256) return `has the digest ${found.sha256} and should have ${sha256}`
      known.set(path, state)
      return null
    },
    forget: path => void known.delete(path),
  }
}

function isSame(a: FileState, b: FileState): boolean {
  return a.written === b.written && a.changed === b.changed
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
