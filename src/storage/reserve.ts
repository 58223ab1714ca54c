import { randomBytes } from 'node:crypto'
import { access, open, stat, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import pLimit from 'p-limit'
import { asTureenError } from '../errors.ts'

/** Space that is held back on the disk, so that deleting works on a full disk, again and again. */
export type Reserve = {
  /**
   * Runs what frees space in the end but has to write first, such as a deletion: on a full disk, once more with the reserve given up.
   * @param free is run a second time if the disk was full; it must have done nothing then
   * @param clear removes files afterwards, before the reserve is renewed
   */
  lend<Result>(free: () => Promise<Result>, clear?: (freed: Result) => Promise<void>): Promise<Result>
  /** Makes the reserve as large as it should be, or as large as the disk allows. */
  renew(): Promise<void>
}

/** SQLite's log has up to 4 MB before it goes into the database, which may have to grow by as much. */
const wantedBytes = 4 << 20
const leastBytes = 1 << 20
/** On a small volume the reserve is this part of it. */
const partOfVolume = 1 / 16

const reserveIn = (directory: string) => join(directory, 'reserve')

/**
 * Opens a store on a full disk as well: gives up the reserve if `start` finds no space, and runs it again. A directory without a
 * catalog keeps its files: it may not be ours.
 */
export async function startFromReserve<Result>(directory: string, start: () => Promise<Result>): Promise<Result> {
  try {
    return await start()
  } catch (error) {
    // SQLite calls the lack of space an I/O error where it is its shared memory that finds none.
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

/** @param shrinkLog gives back the space that the catalog's log takes */
export function createReserve(directory: string, shrinkLog: () => Promise<unknown>): Reserve {
  const file = reserveIn(directory)
  // A deletion that lives on the reserve must not find it renewed by another one.
  const exclusive = pLimit(1)
  // The log stays as large as it is if the database has no room to grow; the reserve may do without.
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

/** Writes what a reserve lacks. On a full disk it stays shorter: a part of it is better than none. */
async function fill(file: string): Promise<void> {
  try {
    const { blocks, bsize } = await statfs(join(file, '..'))
    const wanted = Math.max(leastBytes, Math.min(wantedBytes, Math.floor(blocks * bsize * partOfVolume)))
    const size = (await stat(file).catch(() => undefined))?.size ?? 0
    if (size >= wanted) return
    const handle = await open(file, 'a')
    try {
      // Random, since file systems that compress give zeros no space.
      await handle.appendFile(randomBytes(wanted - size))
    } finally {
      await handle.close()
    }
  } catch {
    // The disk is full, or fails: whatever stands there is what there is.
  }
}

/** Whether an error, or one that caused it, says that the disk is full. */
function isFull(error: unknown): boolean {
  if (asTureenError(error).code === 'TUREEN_STORE_FULL') return true
  return error instanceof Error && error.cause !== undefined && isFull(error.cause)
}
