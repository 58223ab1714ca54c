import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeDirectory } from './make-directory.ts'
import { type RecognisedStore, recogniseStore } from './recognise-store.ts'
import { readMarker, writeMarker } from './store-marker.ts'

/** A data directory that this process, and no other, may use. */
export type DataDirectory = {
  path: string
  /** The id of the store, which its catalog has too. */
  id: string
  /** Leaves word for a second server of who holds the directory. */
  announce(url: string): Promise<void>
  release(): void
}

/**
 * Takes a data directory for this process: makes it if it is new, adopts a store of an earlier version, and refuses everything else
 * unchanged. The hold is a lock of the operating system on a file (through SQLite, since Node has no call for it): it ends with the
 * process, however that ends.
 *
 * @throws Error naming the process that holds the directory, if one does, or why the directory cannot be used and what to do
 */
export async function holdDataDirectory(directory: string): Promise<DataDirectory> {
  const path = resolve(directory)
  const holderFile = join(path, 'server.json')
  await unlessUnusable(path, () => makeDirectory(path))
  // The lock is a file too: nothing is written before it is certain that the directory is ours.
  if (!(await unlessUnusable(path, () => readMarker(path)))) await unlessUnusable(path, () => recogniseStore(path))
  const lock = await unlessUnusable(path, () => takeLock(path))
  try {
    const id = await unlessUnusable(path, async () => markStore(path, await recogniseStore(path)))
    const announce = async (url: string) => {
      const holder = { pid: process.pid, host: hostname(), url, since: new Date().toISOString() }
      // It only makes the message to a second server better: a full disk must not end the start for it.
      await writeFile(holderFile, `${JSON.stringify(holder)}\n`).catch(() => undefined)
    }
    await announce('')
    return { path, id, announce, release: () => lock.close() }
  } catch (error) {
    lock.close()
    throw error
  }
}

/** @returns the id of the store, which is marked now */
async function markStore(path: string, { id, isMarked }: RecognisedStore): Promise<string> {
  const marked = id ?? randomUUID()
  if (!isMarked) await writeMarker(path, marked)
  return marked
}

/**
 * Takes the lock of a data directory, whatever is in it. Closing the lock releases it.
 * @throws Error naming the process that holds it
 */
export async function takeLock(path: string): Promise<DatabaseSync> {
  const file = join(path, 'server.lock')
  // SQLite would only say that it cannot open the file; the system says why.
  await (await open(file, 'a')).close()
  const lock = new DatabaseSync(file)
  try {
    // Nothing is ever written into it: a journal on disk would only be one more file, which a full disk refuses.
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

/** What the system's codes mean for an operator. */
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

/** Runs what needs the directory, and puts what the system says against it into words. */
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
