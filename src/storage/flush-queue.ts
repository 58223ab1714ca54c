import { bytesInBatch, filesInBatch, type NewFile } from './file-batches.ts'

/** Writes and flushes the files of one upload while the server receives more files. */
export type FlushQueue = {
  /** Starts a flush as soon as fewer than four writes and flushes are running. */
  add(flush: () => Promise<void>): Promise<void>
  /** Takes a small file. All that wait are created and flushed together as soon as fewer than four writes and flushes are running. */
  create(file: NewFile): Promise<void>
  /** Waits until all flushes have ended. @throws Error of the first failed one */
  end(): Promise<void>
}

/** Most flushes at a time. File systems with a journal combine several flushes, so a few take little longer than one. */
const atOnce = 4

/** @param createFiles creates files, and flushes each */
export function createFlushQueue(createFiles: (files: readonly NewFile[]) => Promise<void>): FlushQueue {
  const running = new Set<Promise<void>>()
  let waiting: NewFile[] = []
  let waitingBytes = 0
  let failure: { error: unknown } | undefined
  const start = (write: () => Promise<void>) => {
    const run = write()
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => {
        running.delete(run)
        startWaiting()
      })
    running.add(run)
  }
  const startWaiting = () => {
    if (waiting.length === 0 || running.size >= atOnce) return
    const files = failure ? [] : waiting
    waiting = []
    waitingBytes = 0
    start(() => createFiles(files))
  }
  return {
    async add(flush) {
      while (running.size >= atOnce) await Promise.race(running)
      start(flush)
    },
    async create(file) {
      waiting.push(file)
      waitingBytes += file.bytes.byteLength
      startWaiting()
      while (waiting.length >= filesInBatch || waitingBytes >= bytesInBatch) await Promise.race(running)
    },
    async end() {
      while (running.size > 0) await Promise.race(running)
      if (failure) throw failure.error
    },
  }
}
