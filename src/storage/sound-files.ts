import { type FileState, fileState, isSameState } from './file-state.ts'
import { onlyLinked } from './link-notes.ts'
import { isMissing, unlessMissing } from './missing-file.ts'
import { onlyOwnLinks } from './own-links.ts'

/** Reads a file to its end. @returns its digest, or the reason why it cannot be read */
export type HashFile = (path: string, signal: AbortSignal) => Promise<{ sha256: string } | { unreadable: string }>

/**
 * Remembers the files that hold the right bytes. It reads a file once in the life of the process, and again after the file was touched.
 * Links that this process or `npm run backup` makes do not count.
 */
export type SoundFiles = {
  /** Remembers a file in this state as sound without reading it, because its bytes were hashed while they were written. */
  trust(path: string, state: FileState): void
  /** Returns the damage of a file whose digest should be `sha256`, in words; null if it is sound. */
  check(path: string, sha256: string, signal: AbortSignal): Promise<string | null>
  /**
   * Reads a file again with `hash`, even if it is known. If the file was replaced or touched meanwhile, it reads the file once more before
   * it reports damage.
   * @returns the damage in words, null if it is sound, and the bytes; undefined if the file is gone
   */
  verify(path: string, sha256: string, hash: HashFile, signal: AbortSignal): Promise<Verified | undefined>
  forget(path: string): void
}

export type Verified = { bytes: number; damage: string | null }

export function soundFiles(hash: HashFile): SoundFiles {
  const known = new Map<string, FileState>()
  return {
    trust: (path, state) => void known.set(path, state),
    async check(path, sha256, signal) {
      let state: FileState
      try {
        state = await fileState(path)
      } catch (error) {
        return isMissing(error) ? 'is gone' : `cannot be read (${error instanceof Error ? error.message : error})`
      }
      const before = known.get(path)
      if (
        before &&
        (isSameState(before, state) || onlyOwnLinks(before, state) || (await onlyLinked(path, before, state)))
      ) {
        known.set(path, state)
        return null
      }
      known.delete(path)
      const damage = await damageOf(path, sha256, hash, signal)
      if (damage === null) known.set(path, state)
      return damage
    },
    async verify(path, sha256, hash, signal) {
      for (;;) {
        const state = await unlessMissing(fileState(path))
        if (!state) return undefined
        const damage = await damageOf(path, sha256, hash, signal)
        if (damage === null) {
          known.set(path, state)
          return { bytes: state.bytes, damage }
        }
        const now = await unlessMissing(fileState(path))
        if (!now || !isSameState(state, now)) continue
        known.delete(path)
        return { bytes: state.bytes, damage }
      }
    },
    forget: path => void known.delete(path),
  }
}

/** Error codes of the system that mean a lack of its own resources, not damage of the file. */
const codesOfMachine: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM'])

/** Returns the damage of a file, in words; null if it is sound. @throws Error of the system for a lack of file descriptors or memory */
async function damageOf(path: string, sha256: string, hash: HashFile, signal: AbortSignal): Promise<string | null> {
  const found = await hash(path, signal)
  if (!('unreadable' in found))
    return found.sha256 === sha256 ? null : `has the digest ${found.sha256} and should have ${sha256}`
  const { unreadable: code } = found
  if (codesOfMachine.has(code)) throw Object.assign(new Error(`${path} cannot be read: ${code}`), { code })
  return `cannot be read (${code})`
}
