import { renameSync, unlinkSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { contentDigests, contentPath } from '../../file-names.ts'
import { isMissing } from '../../missing-file.ts'
import { makePrivateDirectory } from '../../private-files.ts'
import type { ReceivedFile } from '../../received-file.ts'
import type { Spare } from '../../room.ts'

/** Local copies of content, by digest: `cache/ab/abcd...`. They can be deleted at any time, except while they are leased. */
export type LocalCache = Spare & {
  path(sha256: string): string
  /** Returns true if the content is here, and marks it as the last one that was used. */
  has(sha256: string): boolean
  /** Takes a file away from its path, as content. It replaces a copy that is there. */
  adopt(file: ReceivedFile): Promise<void>
  /** Deletes the copy of content, if there is one. */
  drop(sha256: string): void
}

/**
 * Opens the cache in a directory, with the copies of an earlier process.
 * @param isHeld returns true for leased content, which must stay
 * @param onRemoved called with the bytes of each copy that is deleted
 */
export async function openLocalCache(
  directory: string,
  isHeld: (sha256: string) => boolean,
  onRemoved: (bytes: number) => void,
): Promise<LocalCache> {
  await makePrivateDirectory(directory)
  const path = (sha256: string) => join(directory, contentPath(sha256))
  /** Bytes by digest, the least recently used first. */
  const copies = new Map<string, number>()
  const found: { sha256: string; bytes: number; since: number }[] = []
  for await (const hex of contentDigests(directory)) {
    const { size, mtimeMs } = await stat(path(hex))
    found.push({ sha256: `sha256:${hex}`, bytes: size, since: mtimeMs })
  }
  for (const { sha256, bytes } of found.sort((a, b) => a.since - b.since)) copies.set(sha256, bytes)

  const drop = (sha256: string) => {
    const bytes = copies.get(sha256)
    if (bytes === undefined) return 0
    try {
      unlinkSync(path(sha256))
    } catch (error) {
      // Skip a file that cannot be removed.
      if (!isMissing(error)) return 0
    }
    copies.delete(sha256)
    onRemoved(bytes)
    return bytes
  }

  return {
    path,
    has(sha256) {
      const bytes = copies.get(sha256)
      if (bytes === undefined) return false
      copies.delete(sha256)
      copies.set(sha256, bytes)
      return true
    },
    async adopt({ path: from, sha256, bytes }) {
      const to = path(sha256)
      await mkdir(dirname(to), { recursive: true })
      // Other work could add or delete this copy while a rename runs elsewhere, and bytes would be counted wrongly.
      renameSync(from, to)
      const replaced = copies.get(sha256)
      if (replaced !== undefined) onRemoved(replaced)
      copies.delete(sha256)
      copies.set(sha256, bytes)
    },
    drop: sha256 => void drop(sha256),
    holding: () => ({
      bytes: copies.entries().reduce((sum, [sha256, bytes]) => sum + (isHeld(sha256) ? 0 : bytes), 0),
    }),
    makeRoom(bytes) {
      let free = 0
      for (const sha256 of [...copies.keys()]) {
        if (free >= bytes) break
        if (!isHeld(sha256)) free += drop(sha256)
      }
      return free
    },
  }
}
