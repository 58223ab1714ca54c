import { createInThread, existInThread, type FileBatches, moveInThread } from '../../src/storage/file-batches.ts'

/** Batches that run in the thread of the test. */
export const batchesHere: FileBatches = {
  create: async files => createInThread(files),
  exist: async paths => existInThread(paths),
  move: async moves => moveInThread(moves),
}
