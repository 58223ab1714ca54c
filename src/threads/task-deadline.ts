/** Seconds that a thread may work on one task, unless the operator says otherwise. */
export const defaultTaskSeconds = 3600

/**
 * A task as it is sent to a thread. `started`: shared memory in which the thread says that it has begun; until then the task waits for a
 * thread, which counts for nothing.
 */
export type SentTask<Task> = { task: Task; started: SharedArrayBuffer }

/** Milliseconds since 1970, in which all threads agree. */
const now = () => performance.timeOrigin + performance.now()

/** In the thread: says that it has begun. */
export function markStarted(started: SharedArrayBuffer): void {
  new Float64Array(started)[0] = now()
}

/** How long a task has been worked on. */
export type TaskDeadline = {
  started: SharedArrayBuffer
  /** Fires when a thread has worked on the task for as long as it may. */
  signal: AbortSignal
  clear(): void
}

/** @param milliseconds that a thread may work on the task */
export function taskDeadline(milliseconds: number): TaskDeadline {
  const started = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)
  const [cell, controller] = [new Float64Array(started), new AbortController()]
  const look = () => {
    const since = cell[0] ?? 0
    const left = since === 0 ? milliseconds : since + milliseconds - now()
    if (left > 0) timer = setTimeout(look, left)
    else controller.abort()
  }
  let timer = setTimeout(look, milliseconds)
  return { started, signal: controller.signal, clear: () => clearTimeout(timer) }
}
