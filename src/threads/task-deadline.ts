/** Seconds that a thread may work on one task, unless the operator sets another limit. */
export const defaultTaskSeconds = 3600

/**
 * A task as it is sent to a thread. `started`: shared memory in which the thread writes its start. Time spent waiting
 * for a thread does not count.
 */
export type SentTask<Task> = { task: Task; started: SharedArrayBuffer }

/** Returns milliseconds since 1970 that are comparable between threads. */
const now = () => performance.timeOrigin + performance.now()

/** Writes the start of a task; called in its thread. */
export function markStarted(started: SharedArrayBuffer): void {
  new Float64Array(started)[0] = now()
}

/** Measures the time that a thread works on a task. */
export type TaskDeadline = {
  started: SharedArrayBuffer
  /** Fires when a thread has worked on the task for the allowed time. */
  signal: AbortSignal
  clear(): void
}

/** Starts a deadline. @param milliseconds that a thread may work on the task */
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
