import { addComputed } from '../merge/merge-counts.ts'
import { mergeOutcome } from '../merge/merge-outcome.ts'
import type { NonFinite } from '../merge/non-finite.ts'
import type { MergedModel, PlannedMerge } from './merge-task.ts'
import { outputRanges, rangeLedger } from './output-ranges.ts'
import { runTask } from './run-task.ts'
import type { ShareInput } from './share-inputs.ts'
import { sideBySide } from './side-by-side.ts'
import type { WorkControl } from './work-control.ts'
import type { HashThreads, ModelThreads } from './worker-threads.ts'
import type { ShareReport } from './write-share.ts'

/** The threads that write, and the threads that hash. Hashers wait for writers; writers wait for nobody. */
export type WritingPools = { writers: ModelThreads; hashers: HashThreads }

export type SplitMergeOptions = { durable: boolean; control: WorkControl; signal: AbortSignal }

const allFinite: NonFinite = { models: [], overflows: [], result: 0 }

/**
 * Writes a planned merge. As many threads as the pool has write disjoint ranges of its files, and one thread hashes the
 * ranges after they are written. When this returns or throws, no thread touches the files any more.
 */
export async function splitMerge(
  inputs: readonly ShareInput[],
  { plan, outputs, counted, expected, ...report }: PlannedMerge,
  { writers, hashers }: WritingPools,
  { durable, control, signal }: SplitMergeOptions,
): Promise<MergedModel> {
  const ranges = outputRanges(outputs).length
  const ledger = rangeLedger(ranges).shared
  const share = { inputs, plan, outputs, durable, ledger, shared: control.shared }
  const hashing = { outputs, ledger, shared: control.shared }
  const sharing = Array.from({ length: Math.min(ranges, writers.maxThreads) }, () =>
    runTask(writers, 'write', share, { signal }),
  )
  const hashed = runTask(hashers, 'hash', hashing, { signal })
  const [digests, ...shares] = await sideBySide<[string[], ...ShareReport[]]>([hashed, ...sharing], control)
  const computed = addComputed(shares.map(each => each.computed))
  const search = { inputs, plan, inResult: computed.nonFinite, shared: control.shared }
  const searched =
    counted.mayHide || computed.nonFinite.size > 0
      ? await runTask(writers, 'nonFinite', search, { signal })
      : { result: allFinite, bytesRead: 0 }
  return {
    files: outputs.map((output, index) => ({ ...output, sha256: digests[index] ?? '' })),
    report: {
      ...mergeOutcome(counted, computed, searched.result, expected),
      bytesWritten: report.bytesWritten,
      bytesRead: [...shares, searched].reduce((sum, { bytesRead }) => sum + bytesRead, report.bytesRead),
    },
  }
}
