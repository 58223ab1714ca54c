import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './server.ts'

/**
 * Makes a directory on another file system than that of a path.
 * @returns its path, and a function that removes it; undefined if memory and the project are on the same one
 */
export function otherFileSystem(path: string): { path: string; remove(): void } | undefined {
  const { dev } = statSync(path)
  const parent = ['/dev/shm', join(projectRoot, 'node_modules')].find(each => {
    const found = statSync(each, { throwIfNoEntry: false })
    return found !== undefined && found.dev !== dev
  })
  if (parent === undefined) return undefined
  const directory = mkdtempSync(join(parent, '.tureen-test-'))
  return { path: directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
