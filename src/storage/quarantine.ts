import { unlinkSync } from 'node:fs'
import { mkdir, rename, stat, unlink, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { contentDigests, contentPath } from './file-names.ts'
import { flushDirectory } from './flush-directory.ts'

/**
 * Content that no record refers to, kept for a while in case the catalog is what is wrong: `quarantine/ab/abcd...`, named as in
 * `content/`. The time of an entry's last change is when it came here.
 */
export type Quarantine = {
  /** Number of files, and their bytes. */
  holding(): { files: number; bytes: number }
  /** Moves a file of content here, durably. */
  take(path: string, sha256: string): Promise<void>
  /** Removes the entry of a digest, if there is one: content has these bytes again. */
  drop(sha256: string): Promise<void>
  /** Removes the oldest entries until so many bytes are free, or none is left. @returns the bytes that are free now */
  makeRoom(bytes: number): number
  /** Removes entries that have been here since before a time, in milliseconds since 1970. @returns their digests */
  end(before: number): Promise<string[]>
}

type Entry = { bytes: number; since: number }

/**
 * @param directory need not be there
 * @param clock milliseconds since 1970
 * @param onRemoved hears of the bytes that an entry leaves free
 */
export async function openQuarantine(
  directory: string,
  clock: () => number,
  onRemoved: (bytes: number) => void,
): Promise<Quarantine> {
  /** Hexadecimal digests, the oldest first: what is added later came later. */
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
    await unlink(pathOf(hex)).catch(unlessGone)
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
          // One that cannot be removed gives no room; the next one may.
          if (!isGone(error)) continue
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

function unlessGone(error: unknown): void {
  if (!isGone(error)) throw error
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
