/** A file of a result before it is written. `location`: the model's name for it; empty for the model's own file. */
export type OutputFile = { location: string; path: string; bytes: number }

/** A piece of one of the files, which one thread writes. */
export type OutputRange = { file: number; offset: number; length: number }

/**
 * Large enough that claiming a range costs nothing; small enough that threads end together and hashing starts early.
 */
const rangeBytes = 4 << 20

/** Cuts files into ranges, in the order in which they are written and hashed. */
export function outputRanges(files: readonly Pick<OutputFile, 'bytes'>[]): OutputRange[] {
  return files.flatMap(({ bytes }, file) =>
    Array.from({ length: Math.ceil(bytes / rangeBytes) }, (_, index) => {
      const offset = index * rangeBytes
      return { file, offset, length: Math.min(rangeBytes, bytes - offset) }
    }),
  )
}

/** Shared memory with the state of each range: claimed, and finished. */
export type RangeLedger = {
  shared: SharedArrayBuffer
  /** Claims the next free range, and returns its index; undefined if all are claimed. */
  claim(): number | undefined
  finish(index: number): void
  /** Blocks the thread until the range is finished. Calls `throwIfStopped` every 100 ms, and throws what it throws. */
  awaitFinished(index: number, throwIfStopped: () => void): void
}

/** The interval at which a waiting thread checks if it should stop. */
const waitMilliseconds = 100

/** Creates a ledger, or opens one in another thread. @param shared memory of a ledger with as many ranges */
export function rangeLedger(
  ranges: number,
  shared = new SharedArrayBuffer((ranges + 1) * Int32Array.BYTES_PER_ELEMENT),
): RangeLedger {
  const cells = new Int32Array(shared)
  return {
    shared,
    claim() {
      const index = Atomics.add(cells, ranges, 1)
      return index < ranges ? index : undefined
    },
    finish(index) {
      Atomics.store(cells, index, 1)
      Atomics.notify(cells, index)
    },
    awaitFinished(index, throwIfStopped) {
      while (Atomics.load(cells, index) === 0) {
        throwIfStopped()
        Atomics.wait(cells, index, 0, waitMilliseconds)
      }
    },
  }
}
