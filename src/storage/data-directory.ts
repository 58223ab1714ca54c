import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** A data directory that this process, and no other, may use. */
export type DataDirectory = {
  path: string
  /** Leaves word for a second server of who holds the directory. */
  announce(url: string): Promise<void>
  release(): void
}

/**
 * Takes a data directory for this process. The hold is a lock of the operating system on a file (through SQLite, since Node has
 * no call for it): it ends with the process, however that ends.
 *
 * @throws Error naming the process that holds the directory, if one does
 */
export async function holdDataDirectory(directory: string): Promise<DataDirectory> {
  const path = resolve(directory)
  const holderFile = join(path, 'server.json')
  const lock = await openLock(path)
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if (isBusy(error))
      throw new Error(
        `The data directory ${path} is in use by ${describeHolder(holderFile)}. Stop it, or set TUREEN_DATA to another directory.`,
      )
    throw error
  }
  const announce = async (url: string) => {
    const holder = { pid: process.pid, host: hostname(), url, since: new Date().toISOString() }
    await writeFile(holderFile, `${JSON.stringify(holder)}\n`)
  }
  await announce('')
  return { path, announce, release: () => lock.close() }
}

async function openLock(path: string): Promise<DatabaseSync> {
  try {
    await mkdir(path, { recursive: true })
    return new DatabaseSync(join(path, 'server.lock'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The data directory ${path} (TUREEN_DATA) cannot be written: ${reason}.`, { cause: error })
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
