import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { Piscina } from 'piscina'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import type { DatasetDescription, DatasetFile } from '../evaluate/datasets/dataset.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { TensorValues } from '../merge/rewrite-model.ts'
import type { TensorRule } from '../merge/tensor-rule.ts'
import type { InspectedModel } from '../onnx/graph/inspect-model.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { HashFile } from '../storage/sound-files.ts'
import type { CandidateInputs, SearchedMerge } from './candidate-task.ts'
import { type CandidateWriter, openCandidateThread, type RunMerge } from './candidate-thread.ts'
import type { ListedTensor } from './inspect-task.ts'
import type { MergeFile } from './merge-inputs.ts'
import type { MergeReport, MergeStart, WrittenFile } from './merge-task.ts'
import { heapMebibytes, runStoppable, runTask, type StoppableOptions } from './run-task.ts'
import { splitMerge } from './split-merge.ts'
import { splitPreparation } from './split-preparation.ts'
import { defaultTaskSeconds } from './task-deadline.ts'
import { TaskPool } from './task-pool.ts'

/** The threads in which models are read and merged: everything that would hold up the event loop. */
export type ThreadPool = {
  inspect(files: ModelPaths): Promise<InspectedModel>
  /** @throws TureenError `TUREEN_MODEL_MALFORMED` if a data file of so many bytes does not have all of the tensors that it should */
  checkData(path: string, location: string, bytes: number): Promise<void>
  tensors(path: string, from: number, limit: number): Promise<{ total: number; tensors: ListedTensor[] }>
  dataset(files: DatasetFile[]): Promise<DatasetDescription>
  /** A YAML document as plain values. @throws TureenError `TUREEN_BODY_MALFORMED`, `TUREEN_TOO_LARGE` */
  readYaml(text: string): Promise<unknown>
  check(files: MergeFile[], settings: MergeSettings): Promise<void>
  /** As check, for all soups of some of the models. `base`: the file that each is made from; null for that of its first model. */
  checkSearch(files: MergeFile[], settings: SearchedMerge, base: number | null): Promise<void>
  /** Aborting stops at the next window; whatever stands at `output` is left there. */
  merge: RunMerge
  /** Writes a model anew, durably, with other elements in some of its tensors: at `output`, and beside it. */
  rewrite(model: ModelPaths, values: TensorValues, output: string, options: StoppableOptions): Promise<WrittenFile[]>
  /** Aborting stops at the next chunk of a tensor. `rules`: those of a merge to try. @throws TureenError if a model cannot be read */
  compare(files: MergeFile[], rules: readonly TensorRule[], options: StoppableOptions): Promise<ComparisonResult>
  /**
   * Opens the models of a search in a thread of its own.
   * @param signal ends the thread, whatever it is doing
   * @throws TureenError as check does
   */
  openCandidates(inputs: CandidateInputs, signal: AbortSignal): Promise<CandidateWriter>
  /** Hashes a file, in threads of its own: neither uploads nor merges wait behind gigabytes that are read to the end. */
  hash: HashFile
  /** Hashes a file slowly, in a thread that does nothing else: whatever is asked for does not wait for it. */
  hashSlowly: HashFile
  close(): Promise<void>
}

/** Of each of the spaces in which a thread's new objects are. */
const youngMebibytes = 8

/** Idle threads are kept this long, so that a burst of requests does not start one each. */
const idleMilliseconds = 10_000

/**
 * Reading has threads of its own, so that an upload never waits behind a merge.
 *
 * @param onMerged hears of every merge that has come to its end
 * @param taskSeconds that a thread may work on one task; hashing stored content is none
 */
export function createThreadPool(
  onThreadError: (error: unknown) => void,
  onMerged: (report: MergeReport) => void,
  taskSeconds = defaultTaskSeconds,
): ThreadPool {
  const taskMilliseconds = taskSeconds * 1000
  // The flag that keeps the main thread small, through which uploads stream, would hold for the threads as well. What they decode stays
  // for a while: collected in spaces of 1 MiB, it would be copied again and again.
  setFlagsFromString(`--max-semi-space-size=${youngMebibytes}`)
  const limits = {
    minThreads: 0,
    maxThreads: Math.max(1, availableParallelism()),
    idleTimeout: idleMilliseconds,
    resourceLimits: { maxOldGenerationSizeMb: heapMebibytes, maxYoungGenerationSizeMb: 3 * youngMebibytes },
  }
  const options = { ...limits, filename: new URL('./worker.ts', import.meta.url).href }
  const readers = new TaskPool(options, taskMilliseconds)
  const mergers = new TaskPool(options, taskMilliseconds)
  const hashing = { ...limits, filename: new URL('./hash-worker.ts', import.meta.url).href }
  const hashers = new TaskPool(hashing, taskMilliseconds)
  const slowHasher = new Piscina({ ...hashing, maxThreads: 1 })
  const pools = [readers, mergers, hashers, slowHasher]
  // A thread that dies before it has a task has nobody else to tell, and would take the process with it.
  for (const pool of pools) pool.on('error', onThreadError)
  const mergeIn =
    (planners: TaskPool): RunMerge =>
    async (files, settings, { output, durable, ...options }) => {
      const merged = await runStoppable(async (control, signal) => {
        const task = { files, settings, output, durable, shared: control.shared }
        const start = await runTask<MergeStart>(planners, 'merge', task, { signal })
        if ('merged' in start) return start.merged
        const inputs = files.map(({ label, path, data }) => ({ label, path, data }))
        const planned =
          'planned' in start
            ? start.planned
            : await splitPreparation(inputs, start.unprepared, mergers, { control, signal })
        return splitMerge(inputs, planned, { writers: mergers, hashers }, { durable, control, signal })
      }, options)
      onMerged(merged.report)
      return merged
    }
  return {
    inspect: files => runTask(readers, 'inspect', files),
    checkData: (path, location, bytes) => runTask(readers, 'checkData', { path, location, bytes }),
    tensors: (path, from, limit) => runTask(readers, 'tensors', { path, from, limit }),
    dataset: files => runTask(readers, 'dataset', { files }),
    readYaml: text => runTask(readers, 'yaml', { text }),
    check: (files, settings) => runTask(readers, 'check', { files, settings }),
    checkSearch: (files, settings, base) => runTask(readers, 'checkSearch', { files, settings, base }),
    merge: mergeIn(mergers),
    rewrite: (model, values, output, options) =>
      runStoppable(
        ({ shared }, signal) => runTask(mergers, 'rewrite', { model, values, output, shared }, { signal }),
        options,
      ),
    compare: (files, rules, options) =>
      runStoppable(({ shared }, signal) => runTask(mergers, 'compare', { files, rules, shared }, { signal }), options),
    openCandidates: (inputs, signal) =>
      openCandidateThread({ options, taskMilliseconds, onThreadError, mergeIn }, inputs, signal),
    hash: (path, signal) => hashers.run(path, { name: 'hashFile', signal }),
    hashSlowly: (path, signal) => slowHasher.run(path, { name: 'hashSlowly', signal }),
    async close() {
      await Promise.all(pools.map(pool => pool.destroy()))
    },
  }
}
