import { TureenError } from '../errors.ts'

/**
 * Memory through which threads that do one piece of work together tell how far they are, and are told to stop. Nobody waits for
 * anybody.
 */
export type WorkControl = {
  shared: SharedArrayBuffer
  /** In the threads: how much there is to do in all. @throws TureenError as `advance` does */
  begin(total: number): void
  /** In the threads: so much more is done. @throws TureenError `TUREEN_JOB_CANCELLED` once the work is to stop */
  advance(count: number): void
  /** `done` is never more than `total`, which may have been an estimate. */
  progress(): { done: number; total: number }
  stop(): void
  /** @throws TureenError `TUREEN_JOB_CANCELLED` */
  throwIfStopped(): void
}

const [doneCell, totalCell, stopCell] = [0, 1, 2]

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
