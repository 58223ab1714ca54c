import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { takeLock } from '../storage/data-directory.ts'

/** Where the parts of a store lie. */
export function storePaths(directory: string) {
  return {
    catalog: join(directory, 'catalog.sqlite'),
    content: join(directory, 'content'),
    quarantine: join(directory, 'quarantine'),
  }
}

/**
 * Runs `use` while no server can run on the store.
 * @param writes whether `use` changes the store; else a read-only volume, such as a snapshot, will do
 * @throws Error naming the server that runs
 */
export async function withStoppedStore<Result>(
  directory: string,
  writes: boolean,
  use: () => Promise<Result>,
): Promise<Result> {
  let lock: DatabaseSync | undefined
  try {
    // Where no server has ever run, such as in a backup, there is none to keep out; and what is no store gets no file of ours.
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
