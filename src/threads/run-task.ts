import { TureenError } from '../errors.ts'
import { inSeconds } from '../in-seconds.ts'
import { processLimits } from '../process-limits.ts'
import { untilThreadsEnd } from './ended-threads.ts'
import { taskDeadline } from './task-deadline.ts'
import type { NameIn, TaskOf, TaskPool, ValueOf } from './task-pool.ts'
import { type WorkControl, workControl } from './work-control.ts'

export type Progress = (done: number, total: number) => void
export type StoppableOptions = { signal: AbortSignal; onProgress?: Progress }

/**
 * Heap of a thread in MiB. A model whose structure takes more is refused; without a limit it would take down the
 * process.
 */
export const heapMebibytes = 1024
/** The interval at which progress is read from shared memory. */
const progressMilliseconds = 200
/** Work that is told to stop does so at its next piece. After this time its thread is ended. */
const stopMilliseconds = 1000

/**
 * Runs a task of a pool by its name. Ends a thread that works on it longer than allowed; the pool then starts another
 * one. When the promise rejects, the thread that ran the task touches no file any more.
 * @param signal ends the thread at once
 * @param moved memory of the task that the thread gets and this one loses
 * @throws TureenError of the task; `TUREEN_MODEL_LIMIT` if it took too much memory, `TUREEN_TASK_TIMEOUT` if too much
 * time
 */
export async function runTask<Module, Name extends NameIn<Module>>(
  pool: TaskPool<Module>,
  name: Name,
  task: TaskOf<Module[Name]>,
  { signal, moved = [] }: { signal?: AbortSignal; moved?: readonly ArrayBuffer[] } = {},
): Promise<ValueOf<Module[Name]>> {
  const deadline = taskDeadline(pool.taskMilliseconds)
  const end = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal
  const run = () => pool.send(name, { task, started: deadline.started }, end, moved)
  try {
    const outcome = await untilThreadsEnd(pool, end, run)
    if (outcome.ok) return outcome.value
    throw TureenError.fromProblem(outcome.problem)
  } catch (error) {
    if (deadline.signal.aborted && !signal?.aborted) throw tookTooLong(pool.taskMilliseconds)
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY')) throw error
    throw outOfMemory(processLimits.addressSpaceBytes)
  } finally {
    deadline.clear()
  }
}

function tookTooLong(milliseconds: number): TureenError {
  const limit = inSeconds(milliseconds)
  const message = `a worker thread worked on the models for ${limit}`
  return new TureenError(
    'TUREEN_TASK_TIMEOUT',
    `A worker thread worked on the models for ${limit}, the limit (TUREEN_TASK_SECONDS), and was ended. Nothing was kept. Take models of fewer nodes and tensors, or raise the limit.`,
    [{ field: 'TUREEN_TASK_SECONDS', expected: `${limit} at most`, message }],
  )
}

/**
 * Returns the error for a thread without memory.
 * @param addressSpaceBytes limit of the process; undefined without a limit, so that only the model can be the cause
 */
export function outOfMemory(addressSpaceBytes: number | undefined): TureenError {
  if (addressSpaceBytes === undefined)
    return new TureenError(
      'TUREEN_MODEL_LIMIT',
      `The structure of the model takes more than ${heapMebibytes} MiB once decoded. That is the limit. Take a model of fewer nodes and tensors.`,
      [{ expected: `${heapMebibytes} MiB at most`, message: 'takes more memory once decoded than a thread may have' }],
    )
  const limit = addressSpaceBytes.toLocaleString('en')
  return new TureenError(
    'TUREEN_OUT_OF_MEMORY',
    `A worker thread ran out of memory. The server may have ${limit} bytes of address space (\`ulimit -v\`), and each thread may need ${heapMebibytes} MiB. Raise that limit, or run the server without it.`,
    [{ field: 'ulimit -v', expected: `${limit} bytes at most`, message: 'a worker thread ran out of memory' }],
  )
}

/**
 * Runs work that keeps its progress and its order to stop in shared memory.
 * @param work gets this memory, and a signal that ends threads which do not stop by themselves
 */
export async function runStoppable<Value>(
  work: (control: WorkControl, signal: AbortSignal) => Promise<Value>,
  { signal, onProgress }: StoppableOptions,
): Promise<Value> {
  signal.throwIfAborted()
  const control = workControl()
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
    return await work(control, end.signal)
  } finally {
    clearInterval(timer)
    clearTimeout(ending)
    signal.removeEventListener('abort', stop)
  }
}
