import type { Piscina } from 'piscina'
import { addComputed, mergeCounts } from '../merge/merge-counts.ts'
import type { HashTask } from './hash-ranges.ts'
import type { MergedModel, PlannedMerge } from './merge-task.ts'
import { outputRanges, rangeLedger } from './output-ranges.ts'
import { runTask } from './run-task.ts'
import type { ShareInput } from './share-inputs.ts'
import { sideBySide } from './side-by-side.ts'
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
  inputs: readonly ShareInput[],
  { plan, outputs, counted, report }: PlannedMerge,
  { writers, hashers }: WritingPools,
  { durable, control, signal }: SplitMergeOptions,
): Promise<MergedModel> {
  const ranges = outputRanges(outputs).length
  const ledger = rangeLedger(ranges).shared
  const share: ShareTask = { inputs, plan, outputs, durable, ledger, shared: control.shared }
  const hashing: HashTask = { outputs, ledger, shared: control.shared }
  const sharing = Array.from({ length: Math.min(ranges, writers.maxThreads) }, () =>
    runTask<ShareReport>(writers, 'write', share, { signal }),
  )
  const hashed = runTask<string[]>(hashers, 'hash', hashing, { signal })
  const [digests, ...shares] = await sideBySide<[string[], ...ShareReport[]]>([hashed, ...sharing], control)
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
