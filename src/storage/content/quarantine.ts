import { unlinkSync } from 'node:fs'
import { mkdir, rename, stat, unlink, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { contentDigests, contentPath } from '../file-names.ts'
import { flushDirectory } from '../flush-directory.ts'
import { isMissing, unlessMissing } from '../missing-file.ts'
import { makePrivateDirectory } from '../private-files.ts'

/**
 * Content without a record, kept for a while in case the catalog is at fault. Files are named as in `content/`: `quarantine/ab/abcd...`. The
 * modification time of a file is the time when it came here.
 */
export type Quarantine = {
  /** Returns the number of files, and their bytes. */
  holding(): { files: number; bytes: number }
  /** Moves a content file into the quarantine, durably. */
  take(path: string, sha256: string): Promise<void>
  /** Removes the file with a digest, if there is one, because `content/` has these bytes again. */
  drop(sha256: string): Promise<void>
  /** Removes the oldest files until `bytes` are free, or none is left. @returns the freed bytes */
  makeRoom(bytes: number): number
  /** Removes files that came here before a time. @param before milliseconds since 1970. @returns their digests */
  end(before: number): Promise<string[]>
}

type Entry = { bytes: number; since: number }

/**
 * Opens the quarantine.
 * @param directory the folder, which may be missing
 * @param clock returns milliseconds since 1970
 * @param onRemoved called with the bytes of each file that leaves the quarantine
 */
export async function openQuarantine(
  directory: string,
  clock: () => number,
  onRemoved: (bytes: number) => void,
): Promise<Quarantine> {
  /** Entries by hexadecimal digest, oldest first. */
  const entries = new Map<string, Entry>()
  const pathOf = (hex: string) => join(directory, contentPath(hex))
  const found: [string, Entry][] = []
  for await (const hex of contentDigests(directory)) {
    const { size, mtimeMs } = await stat(pathOf(hex))
    found.push([hex, { bytes: size, since: mtimeMs }])
  }
  for (const [hex, entry] of found.sort(([, a], [, b]) => a.since - b.since)) entries.set(hex, entry)

  const forget = (hex: string) => {
    const bytes = entries.get(hex)?.bytes ?? 0
    if (entries.delete(hex)) onRemoved(bytes)
    return bytes
  }
  const remove = async (hex: string) => {
    await unlessMissing(unlink(pathOf(hex)))
    forget(hex)
  }

  return {
    holding: () => ({
      files: entries.size,
      bytes: entries.values().reduce((sum, { bytes }) => sum + bytes, 0),
    }),
    async take(path, sha256) {
      const hex = sha256.replace('sha256:', '')
      const now = clock()
      const { size } = await stat(path)
      await makePrivateDirectory(directory)
      await mkdir(dirname(pathOf(hex)), { recursive: true })
      await utimes(path, now / 1000, now / 1000)
      await rename(path, pathOf(hex))
      await flushDirectory(dirname(pathOf(hex)))
      forget(hex)
      entries.set(hex, { bytes: size, since: now })
    },
    async drop(sha256) {
      const hex = sha256.replace('sha256:', '')
      if (entries.has(hex)) await remove(hex)
    },
    makeRoom(bytes) {
      let free = 0
      for (const hex of entries.keys()) {
        if (free >= bytes) break
        try {
          unlinkSync(pathOf(hex))
        } catch (error) {
          // Skip a file that cannot be removed, and try the next one.
          if (!isMissing(error)) continue
        }
        free += forget(hex)
      }
      return free
    },
    async end(before) {
      const over = [...entries].filter(([, { since }]) => since < before).map(([hex]) => hex)
      for (const hex of over) await remove(hex)
      return over.map(hex => `sha256:${hex}`)
    },
  }
}
