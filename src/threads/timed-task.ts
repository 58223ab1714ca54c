import type { Moved } from './moved.ts'
import { type Outcome, outcome } from './outcome.ts'
import { markStarted, type SentTask } from './task-deadline.ts'

/** A task as a worker module exports it. */
export type TimedTask<Task, Value> = (sent: SentTask<Task>) => Promise<Outcome<Value> | Moved>

/** Returns the function that a pool calls for a task: it records the start, runs the task, and returns its outcome. */
export function timedTask<Task, Value>(run: (task: Task) => Value | Promise<Value>): TimedTask<Task, Value> {
  return ({ task, started }) => {
    markStarted(started)
    return outcome(() => run(task))
  }
}

/**
 * Returns a {@link timedTask} whose result is moved to the event loop. Its memory is not copied there.
 * @param memoryOf returns the memory of a result
 */
export function movingTask<Task, Value>(
  run: (task: Task) => Value | Promise<Value>,
  memoryOf: (value: Value) => readonly ArrayBuffer[],
): TimedTask<Task, Value> {
  return async ({ task, started }) => {
    markStarted(started)
    const result = await outcome(() => run(task))
    if (!result.ok) return result
    // Loaded here, because it loads the pool's modules, which most threads do without.
    const { moved } = await import('./moved.ts')
    return moved(result, memoryOf(result.value))
  }
}
