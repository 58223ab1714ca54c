import { closeSync, fsyncSync, openSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { type FileState, stateOf } from './file-state.ts'

/** A small file to create. */
export type NewFile = { path: string; bytes: Uint8Array }

/** A flushed file to rename. */
export type Move = { from: string; to: string }

/** The states of the renamed files, in order, up to the failure if there was one. */
export type MovedFiles = { states: FileState[]; failure: SystemError | null }

/** An error of the system as plain data. Between threads, errors lose their code. */
export type SystemError = { code: string; message: string }

/** Calls of the file system for a batch of files. */
export type FileBatches = {
  /** Creates files, and flushes each. A failure leaves none of them. @throws Error of the system, or TureenError for it */
  create(files: readonly NewFile[]): Promise<void>
  /** Returns for each path whether a file is there. */
  exist(paths: readonly string[]): Promise<boolean[]>
  /** Renames files, one after the other. */
  move(moves: readonly Move[]): Promise<MovedFiles>
}

/** Least number of files that threads work on. Starting a thread takes as long as creating some tens of files on the event loop. */
export const leastInThreads = 16

/** Most files of a batch. */
export const filesInBatch = 256

/** Most bytes of a batch: 64 uploads with five batches each must not fill the memory. */
export const bytesInBatch = 128 << 10

/** Does in a thread what {@link FileBatches.create} says. @throws Error of the system */
export function createInThread(files: readonly NewFile[]): void {
  const created: string[] = []
  try {
    for (const { path, bytes } of files) {
      const descriptor = openSync(path, 'wx')
      created.push(path)
      try {
        for (let rest = bytes; rest.byteLength > 0; ) rest = rest.subarray(writeSync(descriptor, rest))
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
    }
  } catch (error) {
    for (const path of created) {
      try {
        unlinkSync(path)
      } catch {
        // The next start removes it.
      }
    }
    throw error
  }
}

/** Does in a thread what {@link FileBatches.exist} says. */
export function existInThread(paths: readonly string[]): boolean[] {
  return paths.map(path => statSync(path, { throwIfNoEntry: false }) !== undefined)
}

/** Does in a thread what {@link FileBatches.move} says. */
export function moveInThread(moves: readonly Move[]): MovedFiles {
  const states: FileState[] = []
  try {
    for (const { from, to } of moves) {
      renameSync(from, to)
      states.push(stateOf(statSync(to, { bigint: true })))
    }
    return { states, failure: null }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return { states, failure: { code: String(error.code), message: error.message } }
  }
}
