import { TureenError } from '../errors.ts'

/** Shared memory with the progress of threads that share one piece of work, and their order to stop. Nobody waits. */
export type WorkControl = {
  shared: SharedArrayBuffer
  /** Sets the total amount of work; called in a thread. @throws TureenError as `advance` does */
  begin(total: number): void
  /** Adds finished work; called in a thread. @throws TureenError `TUREEN_JOB_CANCELLED` after a stop */
  advance(count: number): void
  /** Returns the progress. `done` is at most `total`, which may be an estimate. */
  progress(): { done: number; total: number }
  stop(): void
  /** @throws TureenError `TUREEN_JOB_CANCELLED` after a stop */
  throwIfStopped(): void
}

const [doneCell, totalCell, stopCell] = [0, 1, 2]

/** Creates a control, or opens one in another thread. @param shared memory of the control */
export function workControl(shared = new SharedArrayBuffer(3 * BigInt64Array.BYTES_PER_ELEMENT)): WorkControl {
  const cells = new BigInt64Array(shared)
  const throwIfStopped = () => {
    if (Atomics.load(cells, stopCell) !== 0n) throw new TureenError('TUREEN_JOB_CANCELLED', 'The work was stopped.')
  }
  return {
    shared,
    begin(total) {
      Atomics.store(cells, totalCell, BigInt(total))
      throwIfStopped()
    },
    advance(count) {
      Atomics.add(cells, doneCell, BigInt(count))
      throwIfStopped()
    },
    progress() {
      const total = Number(Atomics.load(cells, totalCell))
      return { done: Math.min(total, Number(Atomics.load(cells, doneCell))), total }
    },
    stop: () => void Atomics.store(cells, stopCell, 1n),
    throwIfStopped,
  }
}
