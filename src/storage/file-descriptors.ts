import { closeSync, openSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { processLimits } from '../process-limits.ts'

/** A file that is opened when it is needed. */
export type LazyFile = {
  /**
   * Returns a descriptor of the open file, valid until the next call for another file.
   * @throws Error of the system if the file cannot be opened
   */
  descriptor(): number
  close(): void
}

/** Number of open files that are left to the catalog, uploads, child processes and libraries. */
const filesOfOthers = 128
const fewest = 8
const fewestConnections = 32
/** Limit of open files on systems that do not tell it. */
const usualOpenFiles = 1024

/** Number of worker threads with open files. Each processor has one that reads models, one that merges, and one that hashes. */
const threads = 3 * availableParallelism() + 2

/**
 * Returns the most open files of one worker thread. All threads together get half of the process's limit.
 * @param limit open files of the process
 */
export function openFilesOfThread(limit: number = processLimits.openFiles ?? usualOpenFiles): number {
  return Math.max(fewest, Math.floor((limit - filesOfOthers) / 2 / threads))
}

/**
 * Returns the most open connections. They get the other half of the limit, since each may also send a file.
 * @param limit open files of the process
 */
export function openConnections(limit: number | undefined = processLimits.openFiles): number {
  return limit === undefined
    ? Number.POSITIVE_INFINITY
    : Math.max(fewestConnections, Math.floor((limit - filesOfOthers) / 4))
}

/**
 * Returns the opener of files for one thread. A merge has up to 1,024 models: at the limit it closes the oldest files, and opens them again
 * when needed.
 */
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
      // Other parts of the process have too many files open. Close all files of this thread and try again.
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
