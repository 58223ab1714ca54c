import { rename, stat, unlink } from 'node:fs/promises'
import type { FileBatches, MovedFiles } from './file-batches.ts'
import { fileState } from './file-state.ts'
import { unlessMissing } from './missing-file.ts'
import { createFile } from './write-stream.ts'

/**
 * Works on a few files with asynchronous calls. Threads would take longer to start.
 * @param makeRoom frees disk space and returns the freed bytes; if it returns 0, the write fails
 */
export function fewFiles(makeRoom: (bytes: number) => number): FileBatches {
  return {
    async create(files) {
      const created: string[] = []
      try {
        for (const file of files) {
          created.push(file.path)
          await createFile(file, makeRoom)
        }
      } catch (error) {
        for (const path of created) await unlink(path).catch(() => undefined)
        throw error
      }
    },
    async exist(paths) {
      const found: boolean[] = []
      for (const path of paths) found.push((await unlessMissing(stat(path))) !== undefined)
      return found
    },
    async move(moves) {
      const moved: MovedFiles = { states: [], failure: null }
      for (const { from, to } of moves) {
        await rename(from, to)
        moved.states.push(await fileState(to))
      }
      return moved
    },
  }
}
