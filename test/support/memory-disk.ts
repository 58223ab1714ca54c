import { accessSync, constants, statfsSync } from 'node:fs'

const memoryDisk = '/dev/shm'

/** Bytes that the tests may need at a time. Containers often have less by default. */
const roomBytes = 4 * 2 ** 30

/** Returns the directory of a file system in memory, whose flushes cost nothing; undefined if there is none with 4 GiB of room. */
export function memoryDirectory(): string | undefined {
  try {
    accessSync(memoryDisk, constants.W_OK)
    const { bavail, bsize } = statfsSync(memoryDisk)
    return bavail * bsize > roomBytes ? memoryDisk : undefined
  } catch {
    return undefined
  }
}
