import { randomBytes } from 'node:crypto'
import { access, open, stat, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import pLimit from 'p-limit'
import { asTureenError } from '../errors.ts'

/** A file that reserves disk space, so that deletions work even on a full disk. */
export type Reserve = {
  /**
   * Runs a step that writes before it frees space, such as a deletion. On a full disk, it deletes the reserve and runs the step again.
   * @param free the step, which runs a second time if the disk was full; then its first run must have changed nothing
   * @param clear removes files after the step, before the reserve is written again
   */
  lend<Result>(free: () => Promise<Result>, clear?: (freed: Result) => Promise<void>): Promise<Result>
  /** Writes the missing part of the reserve, as far as the disk has space. */
  renew(): Promise<void>
}

/** Size of the reserve, in bytes. SQLite's log grows up to 4 MB before it goes into the database, which may grow by as much. */
const wantedBytes = 4 << 20
const leastBytes = 1 << 20
/** Largest share of the volume that the reserve takes. */
const partOfVolume = 1 / 16

const reserveIn = (directory: string) => join(directory, 'reserve')

/**
 * Runs `start`. If it finds no disk space, it deletes the reserve and runs `start` again. In a directory without a catalog it deletes
 * nothing, since that may not be a store.
 */
export async function startFromReserve<Result>(directory: string, start: () => Promise<Result>): Promise<Result> {
  try {
    return await start()
  } catch (error) {
    // SQLite reports an I/O error instead if its shared memory file finds no space.
    if (!isFull(error) && !(await isNearlyFull(directory))) throw error
    try {
      await access(join(directory, 'catalog.sqlite'))
      await unlink(reserveIn(directory))
    } catch {
      throw error
    }
    return start()
  }
}

async function isNearlyFull(directory: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize < leastBytes
  } catch {
    return false
  }
}

/** Returns the reserve of a data directory. @param shrinkLog frees the disk space of the catalog's log */
export function createReserve(directory: string, shrinkLog: () => Promise<unknown>): Reserve {
  const file = reserveIn(directory)
  // While one deletion uses the space of the reserve, no other one may write the reserve again.
  const exclusive = pLimit(1)
  // If the database has no room to grow, the log keeps its size. The reserve may still be enough.
  const shrink = () => shrinkLog().catch(() => undefined)
  return {
    async lend(free, clear = async () => undefined) {
      try {
        const freed = await free()
        await clear(freed)
        await exclusive(() => fill(file))
        return freed
      } catch (error) {
        if (!isFull(error)) throw error
      }
      return exclusive(async () => {
        await unlink(file).catch(() => undefined)
        await shrink()
        try {
          const freed = await free()
          await clear(freed)
          return freed
        } finally {
          await shrink()
          await fill(file)
        }
      })
    },
    renew: () => exclusive(() => fill(file)),
  }
}

/** Writes the missing part of a reserve. On a full disk the reserve stays shorter. */
async function fill(file: string): Promise<void> {
  try {
    const { blocks, bsize } = await statfs(join(file, '..'))
    const wanted = Math.max(leastBytes, Math.min(wantedBytes, Math.floor(blocks * bsize * partOfVolume)))
    const size = (await stat(file).catch(() => undefined))?.size ?? 0
    if (size >= wanted) return
    const handle = await open(file, 'a')
    try {
      // Write random bytes: file systems that compress reserve no space for zeros.
      await handle.appendFile(randomBytes(wanted - size))
    } finally {
      await handle.close()
    }
  } catch {
    // The disk is full or fails. The reserve stays as it is.
  }
}

/** True if an error, or one of its causes, means that the disk is full. */
function isFull(error: unknown): boolean {
  if (asTureenError(error).code === 'TUREEN_STORE_FULL') return true
  return error instanceof Error && error.cause !== undefined && isFull(error.cause)
}
