import { closeSync, openSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { processLimits } from '../process-limits.ts'

/** A file that is opened when it is needed. */
export type LazyFile = {
  /** @throws Error of the system if the file cannot be opened */
  descriptor(): number
  close(): void
}

/** Left to the catalog, uploads, child processes and the libraries. */
const filesOfOthers = 128
const fewest = 8
const fewestConnections = 32
/** Where the system does not say. */
const usualOpenFiles = 1024

/** Each processor has a thread that reads models, one that merges and one that hashes or searches. */
const threads = 3 * availableParallelism() + 2

/** How many files one thread holds open at a time: half of what the process may have open is for all threads together. */
export function openFilesOfThread(limit: number = processLimits.openFiles ?? usualOpenFiles): number {
  return Math.max(fewest, Math.floor((limit - filesOfOthers) / 2 / threads))
}

/** How many connections may be open at a time: the other half is for them, and for a file that each may send. */
export function openConnections(limit: number | undefined = processLimits.openFiles): number {
  return limit === undefined
    ? Number.POSITIVE_INFINITY
    : Math.max(fewestConnections, Math.floor((limit - filesOfOthers) / 4))
}

/** Files of one thread. A merge has up to 1,024 models: where fewer files may be open, those opened first are closed and opened again. */
export function createLazyFiles(most: number = openFilesOfThread()): { open(path: string): LazyFile } {
  const opened = new Map<object, { descriptor: number }>()

  const closeOne = (file: object, { descriptor }: { descriptor: number }) => {
    opened.delete(file)
    closeSync(descriptor)
  }
  const openPath = (path: string): number => {
    for (const [file, held] of opened) {
      if (opened.size < most) break
      closeOne(file, held)
    }
    try {
      return openSync(path, 'r')
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EMFILE') || opened.size === 0) throw error
      // Others have taken more than their part.
      for (const [file, held] of opened) closeOne(file, held)
      return openSync(path, 'r')
    }
  }
  return {
    open(path) {
      const file: LazyFile = {
        descriptor() {
          const held = opened.get(file) ?? { descriptor: openPath(path) }
          opened.set(file, held)
          return held.descriptor
        },
        close() {
          const held = opened.get(file)
          if (held) closeOne(file, held)
        },
      }
      file.descriptor()
      return file
    },
  }
}
