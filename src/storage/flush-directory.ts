import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** Flushes the names in a directory to the disk. A rename is durable only after this flush. */
export async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
