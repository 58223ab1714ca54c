/** A file of a result, before it is written: `location` is what the model calls it, empty for the model's own. */
export type OutputFile = { location: string; path: string; bytes: number }

/** A piece of one of the files, which one thread writes. */
export type OutputRange = { file: number; offset: number; length: number }

/** Large enough that claiming one costs nothing, small enough that threads end together and hashing starts early. */
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

/** Shared memory that says which ranges are taken, and which are in their file. */
export type RangeLedger = {
  shared: SharedArrayBuffer
  /** The next range that nobody has, by its index; undefined once all are taken. */
  claim(): number | undefined
  finish(index: number): void
  /** Holds the thread until the range is finished, or `throwIfStopped` throws, which is asked now and then. */
  awaitFinished(index: number, throwIfStopped: () => void): void
}

/** A thread that waits asks this often whether it still should. */
const waitMilliseconds = 100

/** @param shared the memory of a ledger of as many ranges; a new one if left out */
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
