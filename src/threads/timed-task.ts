import { type Outcome, outcome } from './outcome.ts'
import { markStarted, type SentTask } from './task-deadline.ts'

/** A task as a worker module exports it. */
export type TimedTask<Task, Value> = (sent: SentTask<Task>) => Promise<Outcome<Value>>

/** Returns the function that a pool calls for a task: it records the start, runs the task, and returns its outcome. */
export function timedTask<Task, Value>(run: (task: Task) => Value | Promise<Value>): TimedTask<Task, Value> {
  return ({ task, started }) => {
    markStarted(started)
    return outcome(() => run(task))
  }
}
