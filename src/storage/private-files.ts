import { chmod, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { inParallel } from './in-parallel.ts'

/** Names in a data directory that only the server may read. Evaluators get links to content in `evaluator/`. */
const privateNames = [
  'cache',
  'catalog.sqlite',
  'catalog.sqlite-wal',
  'catalog.sqlite-shm',
  'content',
  'incoming',
  'links',
  'quarantine',
  'server.json',
  'server.lock',
  'tureen.json',
  'verification.json',
]

/** Permissions of all others, and of the group and all others. */
const ofOthers = 0o007
const ofGroupAndOthers = 0o077
const groupWrites = 0o020

/**
 * Takes the permissions of others from a file or directory, if this process runs as root. The evaluators of such a server may run as a user
 * of their own, which must not read the store. A group that may write keeps its permissions: in the container, each user of group 0 can take
 * over the store. It does nothing if the file is missing, or on a file system that refuses: the other guards of evaluators still hold.
 */
export async function closeToOthers(path: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  try {
    const { mode } = await stat(path)
    const taken = mode & groupWrites ? ofOthers : ofGroupAndOthers
    if (mode & taken) await chmod(path, mode & 0o7777 & ~taken)
  } catch {
    // See above.
  }
}

/** Creates a directory that only the server may read: see {@link closeToOthers}. It may exist already. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
  await closeToOthers(path)
}

/** Closes all private files and directories of a store: see {@link closeToOthers}. A store of an earlier version has them open. */
export async function closeStore(directory: string): Promise<void> {
  await inParallel(privateNames, name => closeToOthers(join(directory, name)))
}
