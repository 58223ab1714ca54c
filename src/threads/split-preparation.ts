import type { PlannedMerge, UnpreparedMerge } from './merge-task.ts'
import { rangeLedger } from './output-ranges.ts'
import { runTask } from './run-task.ts'
import type { ShareInput } from './share-inputs.ts'
import { sideBySide } from './side-by-side.ts'
import type { WorkControl } from './work-control.ts'
import type { ModelThreads } from './worker-threads.ts'

/**
 * Prepares the tensors of a planned merge, each in one of the pool's threads. No thread waits for another; their
 * findings are joined after all have ended.
 */
export async function splitPreparation(
  inputs: readonly ShareInput[],
  { plan, pending, ...merge }: UnpreparedMerge,
  threads: ModelThreads,
  { control, signal }: { control: WorkControl; signal: AbortSignal },
): Promise<PlannedMerge> {
  const ledger = rangeLedger(pending).shared
  const task = { inputs, plan, ledger, shared: control.shared }
  const shares = await sideBySide(
    Array.from({ length: Math.min(pending, threads.maxThreads) }, () => runTask(threads, 'prepare', task, { signal })),
    control,
  )
  const settling = { plan, prepared: shares.flatMap(({ prepared }) => prepared) }
  const settled = await runTask(threads, 'settle', settling, { signal })
  return { ...merge, ...settled, bytesRead: shares.reduce((sum, share) => sum + share.bytesRead, merge.bytesRead) }
}
