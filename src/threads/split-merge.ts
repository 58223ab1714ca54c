import type { Piscina } from 'piscina'
import { addComputed, mergeCounts } from '../merge/merge-counts.ts'
import type { HashTask } from './hash-ranges.ts'
import type { MergeFile } from './merge-inputs.ts'
import type { MergedModel, PlannedMerge } from './merge-task.ts'
import { outputRanges, rangeLedger } from './output-ranges.ts'
import { runTask } from './run-task.ts'
import type { WorkControl } from './work-control.ts'
import type { ShareReport, ShareTask } from './write-share.ts'

/** Threads that write, and others that hash: these wait for those, who wait for nobody. */
export type WritingPools = { writers: Piscina; hashers: Piscina }

export type SplitMergeOptions = { durable: boolean; control: WorkControl; signal: AbortSignal }

/**
 * Writes a planned merge: as many threads as there may be write disjoint ranges of its files, and one hashes them right behind.
 * When this returns or throws, no thread touches the files any more.
 */
export async function splitMerge(
  files: readonly MergeFile[],
  { plan, outputs, counted, report }: PlannedMerge,
  { writers, hashers }: WritingPools,
  { durable, control, signal }: SplitMergeOptions,
): Promise<MergedModel> {
  const ranges = outputRanges(outputs).length
  const ledger = rangeLedger(ranges).shared
  const inputs = files.map(({ label, path, data }) => ({ label, path, data }))
  const share: ShareTask = { inputs, plan, outputs, durable, ledger, shared: control.shared }
  const hashing: HashTask = { outputs, ledger, shared: control.shared }
  // The first failure stops the others, whose own errors then say nothing.
  const failures: unknown[] = []
  const stopOthers = (error: unknown) => {
    failures.push(error)
    control.stop()
    throw error
  }
  const sharing = Array.from({ length: Math.min(ranges, writers.maxThreads) }, () =>
    runTask<ShareReport>(writers, 'write', share, { signal }).catch(stopOthers),
  )
  const hashed = runTask<string[]>(hashers, 'hash', hashing, { signal }).catch(stopOthers)
  await Promise.allSettled([...sharing, hashed])
  if (failures.length > 0) throw failures[0]
  const shares = await Promise.all(sharing)
  const digests = await hashed
  const computed = addComputed(shares.map(each => each.computed))
  return {
    files: outputs.map((output, index) => ({ ...output, sha256: digests[index] ?? '' })),
    report: {
      ...mergeCounts(counted, computed),
      ...report,
      bytesRead: shares.reduce((sum, { bytesRead }) => sum + bytesRead, report.bytesRead),
    },
  }
}
