import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { MergeFindings } from '../merge/merge-findings.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { NonFinite } from '../merge/non-finite.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { CandidateInputs } from './candidate-task.ts'
import type { MergeFile } from './merge-inputs.ts'
import type { MergedModel } from './merge-task.ts'
import { runTask, type StoppableOptions } from './run-task.ts'
import { TaskPool } from './task-pool.ts'

export type MergeOptions = StoppableOptions & { output: string; durable: boolean }

export type RunMerge = (files: MergeFile[], settings: MergeSettings, options: MergeOptions) => Promise<MergedModel>

/** Makes the candidates of one search. */
export type CandidateWriter = {
  /** Facts about the merge of all models, its groups as rules. */
  findings: MergeFindings
  /** Finds the NaN and infinite elements of all models; reads each to its end. */
  findNonFinite(): Promise<NonFinite>
  /** Writes a soup to new files, its own at `output`. Soups are made one after the other. */
  write(soup: CandidateSoup, output: string): Promise<ModelPaths>
  /** Merges as the pool does, planned in this thread, which is warm. */
  merge: RunMerge
  /** Resolves when the thread has ended: whatever it was doing has failed, and it touches no file any more. */
  readonly ended: Promise<void>
}

type Making = {
  options: ConstructorParameters<typeof TaskPool>[0]
  taskMilliseconds: number
  onThreadError: (error: unknown) => void
  mergeIn: (planners: TaskPool) => RunMerge
}

/**
 * Opens the models of a search in a thread that only this search uses.
 * @param signal ends the thread, whatever it is doing
 */
export async function openCandidateThread(
  { options, taskMilliseconds, onThreadError, mergeIn }: Making,
  inputs: CandidateInputs,
  signal: AbortSignal,
): Promise<CandidateWriter> {
  signal.throwIfAborted()
  const thread = new TaskPool({ ...options, minThreads: 1, maxThreads: 1 }, taskMilliseconds)
  thread.on('error', onThreadError)
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const end = () => void thread.destroy().then(resolve, resolve)
  signal.addEventListener('abort', end, { once: true })

  /** A task fails as soon as its thread is told to end, but the thread may create a file until it is gone. */
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
    const findings = await untilEnded(() => runTask<MergeFindings>(thread, 'openSearch', inputs))
    return {
      findings,
      findNonFinite: () => untilEnded(() => runTask(thread, 'candidatesNonFinite', {})),
      write: (soup, output) => untilEnded(() => runTask(thread, 'candidate', { soup, output })),
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
