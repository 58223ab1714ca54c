import { standBack } from '../stand-back.ts'
import { sha256OfFile } from './hash-file.ts'
import { type HashTask, hashRanges } from './hash-ranges.ts'
import { timedTask } from './timed-task.ts'

standBack()

/**
 * The module of worker threads that hash files, and its tasks. It loads nothing that parses models, so its threads are
 * small and start fast.
 */
export const hash = timedTask((task: HashTask) => hashRanges(task))

/**
 * Hashes a file and rests after each chunk as long as the chunk took, so that the disk serves others at least half of
 * the time.
 */
export function hashSlowly(path: string): ReturnType<typeof sha256OfFile> {
  const rest = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  let woken = performance.now()
  return sha256OfFile(path, () => {
    Atomics.wait(rest, 0, 0, performance.now() - woken)
    woken = performance.now()
  })
}

/** Hashes a file as fast as possible. */
export function hashFile(path: string): ReturnType<typeof sha256OfFile> {
  return sha256OfFile(path)
}
