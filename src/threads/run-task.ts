import { TureenError } from '../errors.ts'
import { processLimits } from '../process-limits.ts'
import { untilThreadsEnd } from './ended-threads.ts'
import { taskDeadline } from './task-deadline.ts'
import type { NameIn, TaskOf, TaskPool, ValueOf } from './task-pool.ts'
import { type WorkControl, workControl } from './work-control.ts'

export type Progress = (done: number, total: number) => void
export type StoppableOptions = { signal: AbortSignal; onProgress?: Progress }

/** A model whose structure takes more is refused; without a bound it would take the whole process with it. */
export const heapMebibytes = 1024
/** Threads leave their progress in shared memory; it is looked at this often. */
const progressMilliseconds = 200
/** Work that is asked to stop does so at its next piece; a thread that does not come to one is ended after this long. */
const stopMilliseconds = 1000

/**
 * Runs a task that the pool's module exports, by its name. A thread that works on it for longer than it may is ended, and the pool starts another one. When
 * it rejects, the thread that ran the task touches no file any more.
 * @param signal ends the thread, whatever it is doing
 * @throws TureenError that the task ended with, `TUREEN_MODEL_LIMIT` if it took too much memory, `TUREEN_TASK_TIMEOUT` if too long
 */
export async function runTask<Module, Name extends NameIn<Module>>(
  pool: TaskPool<Module>,
  name: Name,
  task: TaskOf<Module[Name]>,
  { signal }: { signal?: AbortSignal } = {},
): Promise<ValueOf<Module[Name]>> {
  const deadline = taskDeadline(pool.taskMilliseconds)
  const end = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal
  const run = () => pool.send(name, { task, started: deadline.started }, end)
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
  const limit = `${(milliseconds / 1000).toLocaleString('en')} seconds (TUREEN_TASK_SECONDS)`
  return new TureenError(
    'TUREEN_TASK_TIMEOUT',
    `A thread worked on the models for ${limit}, which is the limit, and was ended. Nothing was kept. Take models of fewer nodes and tensors, or raise the limit.`,
  )
}

/** @param addressSpaceBytes that the process may have; undefined if they are not limited, so that only the model can be the reason */
export function outOfMemory(addressSpaceBytes: number | undefined): TureenError {
  if (addressSpaceBytes === undefined)
    return new TureenError(
      'TUREEN_MODEL_LIMIT',
      `The structure of the model takes more than ${heapMebibytes} MiB once decoded; that is the limit.`,
    )
  const limit = addressSpaceBytes.toLocaleString('en')
  return new TureenError(
    'TUREEN_OUT_OF_MEMORY',
    `A thread of the server ran out of memory. The server may have ${limit} bytes of address space (\`ulimit -v\`), and each thread may need ${heapMebibytes} MiB. Raise that limit, or run the server without it.`,
  )
}

/**
 * Runs work that leaves its progress in shared memory and looks there for a word to stop.
 * @param work gets that memory, and a signal that ends the threads which do not look
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
