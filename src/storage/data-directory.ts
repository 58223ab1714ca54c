import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeDirectory } from './make-directory.ts'
import { recogniseStore } from './recognise-store.ts'
import { readMarker, writeMarker } from './store-marker.ts'

/** A data directory that this process holds alone. */
export type DataDirectory = {
  path: string
  /** The id of the store, which its catalog has too. Of a new directory: the id for a new catalog. */
  id: string
  /**
   * Takes the id of a catalog in PostgreSQL, if the directory is new and several servers use that catalog.
   * @returns false if the directory belongs to another store
   */
  adopt(id: string): Promise<boolean>
  /** Writes the holder of the directory to a file, for the message of a second server. */
  announce(url: string): Promise<void>
  release(): void
}

/** Where the catalog and the content of a store are, seen from a data directory. */
export type StorePlace = 'here' | 'database' | 'shared'

/**
 * Locks a data directory for this process. It creates a new directory, adopts a store of an earlier version, and refuses every other
 * directory without changing it. The lock is a file lock of the operating system, taken through SQLite since Node has no call for it. It
 * ends with the process, even after a crash.
 *
 * @param place where the store is. `here`: in the directory. `database`: its catalog is in PostgreSQL. `shared`: its content is elsewhere,
 * too. Several servers use both then, and a new directory becomes one of the catalog's store
 * @throws Error that names the process which holds the directory, or the reason why the directory cannot be used and what to do
 */
export async function holdDataDirectory(directory: string, place: StorePlace = 'here'): Promise<DataDirectory> {
  const hasCatalog = place === 'here'
  const path = resolve(directory)
  const holderFile = join(path, 'server.json')
  await unlessUnusable(path, () => makeDirectory(path))
  // The lock is a file too. Recognise the store first, so that nothing is written into a foreign directory.
  if (!(await unlessUnusable(path, () => readMarker(path))))
    await unlessUnusable(path, () => recogniseStore(path, hasCatalog))
  const lock = await unlessUnusable(path, () => takeLock(path))
  try {
    const { id, isMarked } = await unlessUnusable(path, async () => {
      const { id: known, isMarked } = await recogniseStore(path, hasCatalog)
      const id = known ?? randomUUID()
      if (isMarked || (place === 'shared' && known === null)) return { id, isMarked }
      await writeMarker(path, id)
      return { id, isMarked: true }
    })
    const adopt = async (ofCatalog: string) => {
      if (isMarked) return ofCatalog === id
      await unlessUnusable(path, () => writeMarker(path, ofCatalog))
      return true
    }
    const announce = async (url: string) => {
      const holder = { pid: process.pid, host: hostname(), url, since: new Date().toISOString() }
      // The file only improves the message of a second server, so a full disk must not stop the start.
      await writeFile(holderFile, `${JSON.stringify(holder)}\n`).catch(() => undefined)
    }
    await announce('')
    return { path, id, adopt, announce, release: () => lock.close() }
  } catch (error) {
    lock.close()
    throw error
  }
}

/**
 * Takes the lock of a data directory, without looking at its content. Closing the lock releases it.
 * @throws Error that names the process which holds it
 */
export async function takeLock(path: string): Promise<DatabaseSync> {
  const file = join(path, 'server.lock')
  // Open the file first: SQLite would not report the system's reason if it cannot be opened.
  await (await open(file, 'a')).close()
  const lock = new DatabaseSync(file)
  try {
    // Keep the journal in memory: nothing is ever written, and a journal file would fail on a full disk.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    throw new Error(
      `The data directory ${path} is in use by ${describeHolder(join(path, 'server.json'))}. Stop it, or set TUREEN_DATA to another directory.`,
    )
  }
}

/** Meaning of the system's error codes for an operator, with what to do. */
const systemReasons: Record<string, string> = {
  ENOSPC: 'the disk is full: make room, or use another volume',
  EDQUOT: 'the disk quota is used up: raise it, or use another volume',
  EROFS: 'the file system is read-only: mount it writable, or use another one',
  EACCES: 'this user may not write there: change the owner or the permissions, or run as another user',
  EPERM: 'this user may not write there: change the owner or the permissions, or run as another user',
  ENOTDIR: 'a part of the path is a file, not a directory',
  EEXIST: 'a part of the path is a file, not a directory',
  ENOENT: 'the file system there does not take new directories',
  EIO: 'the disk reported an input/output error: look after the disk',
}

/** Runs a step that needs the directory, and explains errors of the system. */
async function unlessUnusable<Result>(path: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) throw error
    const reason = systemReasons[String(error.code)]
    const said = reason === undefined ? error.message : `${reason} (${error.message})`
    throw new Error(`The data directory ${path} (TUREEN_DATA) cannot be used: ${said}.`, { cause: error })
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}

function describeHolder(file: string): string {
  try {
    const { pid, host, url, since } = JSON.parse(readFileSync(file, 'utf8'))
    return `the Tureen server with process id ${pid} on ${host}${url ? ` at ${url}` : ''}, since ${since}`
  } catch {
    return 'another Tureen server'
  }
}
