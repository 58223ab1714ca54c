import { standBack } from '../stand-back.ts'
import { sha256OfFile } from './hash-file.ts'
import { type HashTask, hashRanges } from './hash-ranges.ts'
import { timedTask } from './timed-task.ts'

standBack()

/** What the threads run that hash files, by name. They load nothing that parses models: they are small, and there soon. */
export const hash = timedTask((task: HashTask) => hashRanges(task))

/** Hashes a file and rests as long as it works, chunk by chunk: the disk serves others at least half of the time. */
export function hashSlowly(path: string): ReturnType<typeof sha256OfFile> {
  const rest = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  let woken = performance.now()
  return sha256OfFile(path, () => {
    Atomics.wait(rest, 0, 0, performance.now() - woken)
    woken = performance.now()
  })
}

export function hashFile(path: string): ReturnType<typeof sha256OfFile> {
  return sha256OfFile(path)
}
