import { TureenError } from '../errors.ts'

/** Memory through which a working thread tells how far it is, and is told to stop. Neither side waits for the other. */
export type MergeControl = {
  shared: SharedArrayBuffer
  /** In the thread: tells how many bytes are done. @throws TureenError `TUREEN_JOB_CANCELLED` once it is to stop */
  report(done: number, total: number): void
  progress(): { done: number; total: number }
  stop(): void
}

export function mergeControl(shared = new SharedArrayBuffer(3 * Float64Array.BYTES_PER_ELEMENT)): MergeControl {
  const cells = new Float64Array(shared)
  return {
    shared,
    report(done, total) {
      cells[0] = done
      cells[1] = total
      if (cells[2] === 1) throw new TureenError('TUREEN_JOB_CANCELLED', 'The work was stopped.')
    },
    progress: () => ({ done: cells[0] ?? 0, total: cells[1] ?? 0 }),
    stop() {
      cells[2] = 1
    },
  }
}
