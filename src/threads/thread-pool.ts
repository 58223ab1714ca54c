import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import { TureenError } from '../errors.ts'
import type { DatasetDescription, DatasetFile } from '../evaluate/datasets/dataset.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { TensorValues } from '../merge/rewrite-model.ts'
import type { TensorDescription } from '../onnx/skeleton.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { CandidateInputs } from './candidate-task.ts'
import type { InspectedModel } from './inspect-task.ts'
import { mergeControl } from './merge-control.ts'
import type { MergeFile } from './merge-inputs.ts'
import type { MergedModel, WrittenFile } from './merge-task.ts'
import type { Outcome } from './worker.ts'

export type Progress = (done: number, total: number) => void

/** The threads in which models are read and merged: everything that would hold up the event loop. */
export type ThreadPool = {
  inspect(files: ModelPaths): Promise<InspectedModel>
  /** @throws TureenError `TUREEN_MODEL_MALFORMED` if a data file of so many bytes does not have all of the tensors that it should */
  checkData(path: string, location: string, bytes: number): Promise<void>
  tensors(path: string, from: number, limit: number): Promise<{ total: number; tensors: TensorDescription[] }>
  dataset(files: DatasetFile[]): Promise<DatasetDescription>
  /** A YAML document as plain values. @throws TureenError `TUREEN_BODY_MALFORMED`, `TUREEN_TOO_LARGE` */
  readYaml(text: string): Promise<unknown>
  check(files: MergeFile[], settings: MergeSettings): Promise<void>
  /** Aborting stops at the next window; whatever stands at `output` is left there. */
  merge(files: MergeFile[], settings: MergeSettings, options: MergeOptions): Promise<MergedModel>
  /** Writes a model anew, durably, with other elements in some of its tensors: at `output`, and beside it. */
  rewrite(model: ModelPaths, values: TensorValues, output: string, options: StoppableOptions): Promise<WrittenFile[]>
  /** Aborting stops at the next chunk of a tensor. @throws TureenError if a model cannot be read */
  compare(files: MergeFile[], options: StoppableOptions): Promise<ComparisonResult>
  /** Opens the models of a search in a thread of its own, to be closed by whoever asked for it. @throws TureenError as check does */
  openCandidates(inputs: CandidateInputs): Promise<CandidateWriter>
  close(): Promise<void>
}

/** Makes the candidates of one search. */
export type CandidateWriter = {
  /** What someone should know of how the models were paired. */
  warnings: readonly string[]
  /** Writes a soup to new files, its own at `output`. Soups are made one after the other. */
  write(soup: CandidateSoup, output: string): Promise<ModelPaths>
  /** Merges in this thread, which is warm. */
  merge: ThreadPool['merge']
  /** Ends the thread, whatever it is doing. */
  close(): Promise<void>
}

export type StoppableOptions = { signal: AbortSignal; onProgress?: Progress }
export type MergeOptions = StoppableOptions & { output: string; durable: boolean }

/** Idle threads are kept this long, so that a burst of requests does not start one each. */
const idleMilliseconds = 10_000
/** A model whose structure takes more is refused; without a bound it would take the whole process with it. */
const heapMebibytes = 1024
/** Threads leave their progress in shared memory; it is looked at this often. */
const progressMilliseconds = 200
/** A merge that is asked to stop does so at its next window; a thread that does not come to one is ended after this long. */
const stopMilliseconds = 1000

/** Reading has threads of its own, so that an upload never waits behind a merge. */
export function createThreadPool(onThreadError: (error: unknown) => void): ThreadPool {
  const options = {
    filename: new URL('./worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: Math.max(1, availableParallelism()),
    idleTimeout: idleMilliseconds,
    resourceLimits: { maxOldGenerationSizeMb: heapMebibytes, maxYoungGenerationSizeMb: 8 },
  }
  const readers = new Piscina(options)
  const mergers = new Piscina(options)
  // A thread that dies before it has a task has nobody else to tell, and would take the process with it.
  for (const pool of [readers, mergers]) pool.on('error', onThreadError)
  return {
    inspect: files => run(readers, 'inspect', files),
    checkData: (path, location, bytes) => run(readers, 'checkData', { path, location, bytes }),
    tensors: (path, from, limit) => run(readers, 'tensors', { path, from, limit }),
    dataset: files => run(readers, 'dataset', { files }),
    readYaml: text => run(readers, 'yaml', { text }),
    check: (files, settings) => run(readers, 'check', { files, settings }),
    merge: (files, settings, merging) => mergeIn(mergers, files, settings, merging),
    rewrite: (model, values, output, options) => runStoppable(mergers, 'rewrite', { model, values, output }, options),
    compare: (files, options) => runStoppable(mergers, 'compare', { files }, options),
    async openCandidates(inputs) {
      const thread = new Piscina({ ...options, minThreads: 1, maxThreads: 1 })
      thread.on('error', onThreadError)
      try {
        const warnings = await run<string[]>(thread, 'openSearch', inputs)
        return {
          warnings,
          write: (soup, output) => run(thread, 'candidate', { soup, output }),
          merge: (files, settings, merging) => mergeIn(thread, files, settings, merging),
          close: () => thread.destroy(),
        }
      } catch (error) {
        await thread.destroy()
        throw error
      }
    },
    async close() {
      await Promise.all([readers.destroy(), mergers.destroy()])
    },
  }
}

function mergeIn(
  pool: Piscina,
  files: MergeFile[],
  settings: MergeSettings,
  { output, durable, ...options }: MergeOptions,
): Promise<MergedModel> {
  return runStoppable(pool, 'merge', { files, settings, output, durable }, options)
}

/** Runs a task that leaves its progress in shared memory and looks there for a word to stop. */
async function runStoppable<Value>(
  pool: Piscina,
  name: string,
  task: object,
  { signal, onProgress }: StoppableOptions,
): Promise<Value> {
  signal.throwIfAborted()
  const control = mergeControl()
  const timer = setInterval(() => {
    const { done, total } = control.progress()
    if (total > 0) onProgress?.(done, total)
  }, progressMilliseconds)
  const end = new AbortController()
  let ending: NodeJS.Timeout | undefined
  const stop = () => {
    control.stop()
    ending = setTimeout(() => end.abort(), stopMilliseconds)
  }
  signal.addEventListener('abort', stop)
  try {
    return await run<Value>(pool, name, { ...task, shared: control.shared }, { signal: end.signal })
  } finally {
    clearInterval(timer)
    clearTimeout(ending)
    signal.removeEventListener('abort', stop)
  }
}

async function run<Value>(
  pool: Piscina,
  name: string,
  task: object,
  options: Parameters<Piscina['run']>[1] = {},
): Promise<Value> {
  const outcome: Outcome<Value> = await pool.run(task, { ...options, name }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY')) throw error
    throw new TureenError(
      'TUREEN_MODEL_LIMIT',
      `The structure of the model takes more than ${heapMebibytes} MiB once decoded; that is the limit.`,
    )
  })
  if (outcome.ok) return outcome.value
  throw TureenError.fromProblem(outcome.problem)
}
