import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { filesOf } from '../merge/merge-inputs.ts'
import type { FileBatches } from '../storage/file-batches.ts'
import type { HashFile } from '../storage/sound-files.ts'
import { checkedMerges } from './checked-merges.ts'
import type { MergedModel, MergeReport } from './merge-task.ts'
import { heapMebibytes, runStoppable, runTask, type StoppableOptions } from './run-task.ts'
import { splitMerge } from './split-merge.ts'
import { splitPreparation } from './split-preparation.ts'
import { defaultTaskSeconds } from './task-deadline.ts'
import { fileThreads, hashThreads, type ModelTask, type ModelValue, modelThreads } from './worker-threads.ts'

/** Runs a task of the worker threads. */
type Run<Name extends keyof typeof import('./worker.ts')> = (task: ModelTask<Name>) => Promise<ModelValue<Name>>

/** Runs a task that keeps its progress in shared memory. Aborting stops it at its next chunk. */
type RunStoppable<Name extends keyof typeof import('./worker.ts')> = (
  task: Omit<ModelTask<Name>, 'shared'>,
  options: StoppableOptions,
) => Promise<ModelValue<Name>>

/** Runs a task of the worker threads. Aborting ends its thread at once; when the promise rejects, it touches no file any more. */
type RunEnding<Name extends keyof typeof import('./worker.ts')> = (
  task: ModelTask<Name>,
  signal: AbortSignal,
) => Promise<ModelValue<Name>>

/** The threads in which models are read and merged: all work that would block the event loop. */
export type ThreadPool = {
  inspect: Run<'inspect'>
  /**
   * Checks a data file of a given size.
   * @throws TureenError `TUREEN_MODEL_MALFORMED` if a tensor lies beyond its end
   */
  checkData: Run<'checkData'>
  /** Returns the locations that a client means by the names of data parts, in order. */
  locations: Run<'locations'>
  tensors: Run<'tensors'>
  /** Summarizes the elements of one tensor. Reads them twice. */
  summarize: RunEnding<'summarize'>
  dataset: Run<'dataset'>
  /** Reads a YAML document as plain values. @throws TureenError `TUREEN_BODY_MALFORMED`, `TUREEN_TOO_LARGE` */
  readYaml: Run<'readYaml'>
  /** Checks that models can be merged. Keeps the plan for a short time, for {@link ThreadPool.merge}. */
  check(merge: ModelTask<'check'>): Promise<void>
  /** Checks as `check` does, for all soups of some of the models. */
  checkSearch: Run<'checkSearch'>
  /** Aborting stops at the next window, and leaves the files at `output` as they are. */
  merge(merge: Omit<ModelTask<'merge'>, 'checked' | 'shared'>, options: StoppableOptions): Promise<MergedModel>
  /**
   * Writes a model with other elements in some of its tensors, flushed to the disk: its own file at `output`, data
   * files beside it.
   */
  rewrite: RunStoppable<'rewrite'>
  /**
   * Compares models pair by pair. `named`: the same models, for the result; `rules`: rules of a merge to try.
   * @returns the JSON text of a {@link ComparisonResult}
   * @throws TureenError if a model cannot be read
   */
  compare: RunStoppable<'compare'>
  /** Finds how the weights of a model follow from a checkpoint. @throws TureenError `TUREEN_EXPORT_UNMATCHED`; if a file cannot be read */
  findExport: RunStoppable<'findExport'>
  /** Returns the JSON text of an export with its lists, from its correspondence. */
  describeExport: Run<'describeExport'>
  /**
   * Writes the model that an export makes of a checkpoint, flushed to the disk: its own file at `output`, data files beside it.
   * @throws TureenError `TUREEN_CHECKPOINT_DIFFERS`, `TUREEN_MODEL_UNSUPPORTED`; if a file cannot be read
   */
  convert: RunStoppable<'convert'>
  /**
   * Writes the plan of all models of a search to a new file at `output`, for evaluators.
   * @param signal ends the work at once
   * @returns findings about the merge of all models
   * @throws TureenError as `check` does
   */
  planSearch: RunEnding<'planSearch'>
  /** Writes the plan with another of the models as base. */
  planBase: RunEnding<'planBase'>
  /** Computes an interval of the difference of two models from a score for each sample. */
  bootstrap: RunEnding<'bootstrap'>
  /** Finds the NaN and infinite elements of all models of a search, by the plan from `planSearch`. Reads each to its end. */
  findNonFiniteModels: RunStoppable<'findNonFiniteModels'>
  /** Hashes a file in separate threads, so that neither uploads nor merges wait while gigabytes are read. */
  hash: HashFile
  /** Hashes a file slowly in a separate thread, so that requests do not wait for it. */
  hashSlowly: HashFile
  /** Creates and renames many small files, in threads that mostly wait for the disk. */
  batches: FileBatches
  close(): Promise<void>
}

/** MiB of each of the three spaces for new objects in a thread's heap. */
const youngMebibytes = 8

/** Threads that flush files at a time. They wait for the disk, which flushes several files together. */
const filersAtOnce = 4

/** Idle threads are kept this long, so that a burst of requests does not start a thread for each. */
const keptMilliseconds = 10_000

/** Pools of threads, which start when they are needed. Several thread pools of one process may share them. */
export type Threads = ReturnType<typeof startThreads>

/**
 * Returns pools with separate threads for reading, so that an upload never waits for a merge.
 * @param taskSeconds that a thread may work on one task; hashing stored content has no limit
 * @param idleMilliseconds after which an idle thread ends
 */
export function startThreads(taskSeconds = defaultTaskSeconds, idleMilliseconds = keptMilliseconds) {
  const taskMilliseconds = taskSeconds * 1000
  // Without this, threads would inherit the flag that keeps the main thread small for streaming uploads. Threads keep
  // decoded models for a while; spaces of 1 MiB would copy them again and again.
  setFlagsFromString(`--max-semi-space-size=${youngMebibytes}`)
  const limits = {
    minThreads: 0,
    maxThreads: Math.max(1, availableParallelism()),
    idleTimeout: idleMilliseconds,
    resourceLimits: { maxOldGenerationSizeMb: heapMebibytes, maxYoungGenerationSizeMb: 3 * youngMebibytes },
  }
  const readers = modelThreads(limits, taskMilliseconds)
  const mergers = modelThreads(limits, taskMilliseconds)
  const hashers = hashThreads(limits, taskMilliseconds)
  const filers = fileThreads({ ...limits, maxThreads: filersAtOnce }, taskMilliseconds)
  const slowHasher = hashThreads({ ...limits, maxThreads: 1 }, taskMilliseconds)
  const pools = [readers, mergers, hashers, slowHasher, filers]
  return {
    readers,
    mergers,
    hashers,
    slowHasher,
    filers,
    /** Adds a listener to the errors of all threads. @returns a function that removes it */
    onError(listener: (error: unknown) => void): () => void {
      for (const pool of pools) pool.on('error', listener)
      return () => {
        for (const pool of pools) pool.off('error', listener)
      }
    },
    async close(): Promise<void> {
      await Promise.all(pools.map(pool => pool.destroy()))
    },
  }
}

/**
 * Returns a pool of threads for all work on models.
 *
 * @param onMerged called after each finished merge
 * @param taskSeconds that a thread may work on one task; hashing stored content has no limit
 * @param shared threads that others use too, in place of own ones; `close` leaves them running
 */
export function createThreadPool(
  onThreadError: (error: unknown) => void,
  onMerged: (report: MergeReport) => void,
  taskSeconds?: number,
  shared?: Threads,
): ThreadPool {
  const threads = shared ?? startThreads(taskSeconds)
  const { readers, mergers, hashers, slowHasher, filers } = threads
  const checks = checkedMerges()
  // A thread that dies before it has a task would otherwise end the process.
  const stopListening = threads.onError(onThreadError)
  return {
    inspect: files => runTask(readers, 'inspect', files),
    checkData: file => runTask(readers, 'checkData', file),
    locations: names => runTask(readers, 'locations', names),
    tensors: page => runTask(readers, 'tensors', page),
    summarize: (task, signal) => runTask(readers, 'summarize', task, { signal }),
    dataset: files => runTask(readers, 'dataset', files),
    readYaml: text => runTask(readers, 'readYaml', text),
    async check(merge) {
      const checked = await runTask(readers, 'check', merge)
      if (checked) checks.keep(merge, checked)
    },
    checkSearch: search => runTask(readers, 'checkSearch', search),
    async merge(merge, options) {
      const merged = await runStoppable(async (control, signal) => {
        const checked = checks.take(merge)
        const task = { ...merge, checked, shared: control.shared }
        const start = await runTask(mergers, 'merge', task, { signal, moved: checked ? [checked.buffer] : [] })
        if ('merged' in start) return start.merged
        const inputs = filesOf(merge.inputs).map(({ label, path, data }) => ({ label, path, data }))
        const planned =
          'planned' in start
            ? start.planned
            : await splitPreparation(inputs, start.unprepared, mergers, { control, signal })
        const { durable } = merge
        return splitMerge(inputs, planned, { writers: mergers, hashers }, { durable, control, signal })
      }, options)
      onMerged(merged.report)
      return merged
    },
    rewrite: (rewrite, options) =>
      runStoppable(({ shared }, signal) => runTask(mergers, 'rewrite', { ...rewrite, shared }, { signal }), options),
    compare: (comparison, options) =>
      runStoppable(({ shared }, signal) => runTask(mergers, 'compare', { ...comparison, shared }, { signal }), options),
    findExport: (files, options) =>
      runStoppable(({ shared }, signal) => runTask(mergers, 'findExport', { ...files, shared }, { signal }), options),
    describeExport: task => runTask(readers, 'describeExport', task),
    convert: (files, options) =>
      runStoppable(({ shared }, signal) => runTask(mergers, 'convert', { ...files, shared }, { signal }), options),
    planSearch: (search, signal) => runTask(readers, 'planSearch', search, { signal }),
    planBase: (search, signal) => runTask(readers, 'planBase', search, { signal }),
    bootstrap: (samples, signal) => runTask(readers, 'bootstrap', samples, { signal }),
    findNonFiniteModels: (planned, options) =>
      runStoppable(
        ({ shared }, signal) => runTask(mergers, 'findNonFiniteModels', { ...planned, shared }, { signal }),
        options,
      ),
    hash: (path, signal) => hashers.call('hashFile', path, signal),
    hashSlowly: (path, signal) => slowHasher.call('hashSlowly', path, signal),
    batches: {
      create: files => runTask(filers, 'create', files),
      exist: paths => runTask(filers, 'exist', paths),
      move: moves => runTask(filers, 'move', moves),
    },
    async close() {
      if (!shared) await threads.close()
      stopListening()
    },
  }
}
