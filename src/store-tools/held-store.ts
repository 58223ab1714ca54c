import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { takeLock } from '../storage/data-directory.ts'

/** Returns the paths of a store's parts. */
export function storePaths(directory: string) {
  return {
    catalog: join(directory, 'catalog.sqlite'),
    content: join(directory, 'content'),
    quarantine: join(directory, 'quarantine'),
  }
}

/**
 * Runs `use` while it holds the lock of the store, so that no server can start.
 * @param writes true if `use` changes the store; otherwise the store may be on a read-only volume, such as a snapshot
 * @throws Error that names the running server
 */
export async function withStoppedStore<Result>(
  directory: string,
  writes: boolean,
  use: () => Promise<Result>,
): Promise<Result> {
  let lock: DatabaseSync | undefined
  try {
    // Take the lock only if a server has run here, or before writing to a store: other directories must get no lock file.
    const [held, ...others] = ['server.lock', 'tureen.json', 'catalog.sqlite', 'content'].map(name =>
      join(directory, name),
    )
    if (existsSync(held ?? '') || (writes && others.some(existsSync))) lock = await takeLock(directory)
  } catch (error) {
    // No server can run on a read-only file system.
    if (writes || !(error instanceof Error && 'code' in error && error.code === 'EROFS')) throw error
  }
  try {
    return await use()
  } finally {
    lock?.close()
  }
}
