import { createHash } from 'node:crypto'
import { openFileSource } from '../storage/file-source.ts'
import { type OutputFile, outputRanges, rangeLedger } from './output-ranges.ts'
import { workControl } from './work-control.ts'

export type HashTask = { outputs: readonly OutputFile[]; ledger: SharedArrayBuffer; shared: SharedArrayBuffer }

const windowBytes = 512 << 10

/**
 * Hashes files while other threads write them, directly after each range is written, from the page cache.
 * @returns the digest of each file
 * @throws TureenError `TUREEN_JOB_CANCELLED` if the work was stopped before everything was written
 */
export function hashRanges({ outputs, ledger: ledgerMemory, shared }: HashTask): string[] {
  const ranges = outputRanges(outputs)
  const ledger = rangeLedger(ranges.length, ledgerMemory)
  const control = workControl(shared)
  const window = new Uint8Array(windowBytes)
  let index = 0
  return outputs.map(({ path }, file) => {
    const hash = createHash('sha256')
    const source = openFileSource(path)
    try {
      for (let range = ranges[index]; range?.file === file; range = ranges[index]) {
        ledger.awaitFinished(index, control.throwIfStopped)
        for (let done = 0; done < range.length; done += windowBytes) {
          const bytes = window.subarray(0, Math.min(windowBytes, range.length - done))
          source.read(range.offset + done, bytes)
          hash.update(bytes)
        }
        index += 1
      }
    } finally {
      source.close()
    }
    return `sha256:${hash.digest('hex')}`
  })
}
