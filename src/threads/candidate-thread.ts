import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { MergeFindings } from '../merge/merge-findings.ts'
import type { NonFinite } from '../merge/non-finite.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { CandidateInputs } from './candidate-task.ts'
import type { MergedModel } from './merge-task.ts'
import { runTask, type StoppableOptions } from './run-task.ts'
import type { ThreadLimits } from './task-pool.ts'
import { type ModelTask, type ModelThreads, modelThreads } from './worker-threads.ts'

/** Merges files into a new one at `output`, with data files beside it. */
export type RunMerge = (
  merge: Omit<ModelTask<'merge'>, 'checked' | 'shared'>,
  options: StoppableOptions,
) => Promise<MergedModel>

/** Makes the candidates of one search. */
export type CandidateWriter = {
  /** Findings about the merge of all models, with the search's groups as rules. */
  findings: MergeFindings
  /** Finds the NaN and infinite elements of all models. Reads each to its end. */
  findNonFinite(): Promise<NonFinite>
  /** Writes a soup to new files, the model's own at `output`. Soups are written one after the other. */
  write(soup: CandidateSoup, output: string): Promise<ModelPaths>
  /** Merges like the pool, but plans in this thread, which has the models open. */
  merge: RunMerge
  /** Resolves when the thread has ended. Its work has then failed, and it touches no file any more. */
  readonly ended: Promise<void>
}

type Making = {
  limits: ThreadLimits
  taskMilliseconds: number
  onThreadError: (error: unknown) => void
  mergeIn: (planners: ModelThreads) => RunMerge
}

/**
 * Opens the models of a search in a thread that only this search uses.
 * @param signal ends the thread at once
 */
export async function openCandidateThread(
  { limits, taskMilliseconds, onThreadError, mergeIn }: Making,
  inputs: CandidateInputs,
  signal: AbortSignal,
): Promise<CandidateWriter> {
  signal.throwIfAborted()
  const thread = modelThreads({ ...limits, minThreads: 1, maxThreads: 1 }, taskMilliseconds)
  thread.on('error', onThreadError)
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const end = () => void thread.destroy().then(resolve, resolve)
  signal.addEventListener('abort', end, { once: true })

  /** A task fails when its thread is told to end, but the thread may still create a file until it is gone. */
  const untilEnded = async <Value>(run: () => Promise<Value>): Promise<Value> => {
    signal.throwIfAborted()
    try {
      return await run()
    } catch (error) {
      if (!signal.aborted) throw error
      await ended
      throw signal.reason
    }
  }
  const merge = mergeIn(thread)
  try {
    const findings = await untilEnded(() => runTask(thread, 'openCandidates', inputs))
    return {
      findings,
      findNonFinite: () => untilEnded(() => runTask(thread, 'findNonFiniteCandidates', null)),
      write: (soup, output) => untilEnded(() => runTask(thread, 'writeCandidate', { soup, output })),
      merge: (...merging) => untilEnded(() => merge(...merging)),
      ended,
    }
  } catch (error) {
    signal.removeEventListener('abort', end)
    end()
    await ended
    throw error
  }
}
