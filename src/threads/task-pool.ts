import { Piscina } from 'piscina'
import type { Outcome } from './outcome.ts'
import type { SentTask } from './task-deadline.ts'
import type { TimedTask } from './timed-task.ts'

/** Worker threads, with the milliseconds that one may work on a task. */
export type TaskOf<Exported> = Exported extends TimedTask<infer Task, unknown> ? Task : never

/** What an exported task returns. */
export type ValueOf<Exported> = Exported extends TimedTask<never, infer Value> ? Value : never

/** The parameter of an exported function that is no task. */
type ArgumentOf<Exported> = Exported extends (argument: infer Argument) => unknown ? Argument : never

/** What an exported function that is no task returns. */
type ResultOf<Exported> = Exported extends (argument: never) => infer Result ? Awaited<Result> : never

/** How many threads a pool has, how much memory each, and how long an idle one is kept. */
export type ThreadLimits = NonNullable<ConstructorParameters<typeof Piscina>[0]>

/** The names of a worker module's exports. */
export type NameIn<Module> = keyof Module & string

/**
 * Worker threads that run what one module exports; names, parameters and results have the types of its exports. Threads copy what they
 * are sent as `structuredClone` does.
 */
export class TaskPool<Module> extends Piscina {
  /** Milliseconds that a thread may work on one task. */
  readonly taskMilliseconds: number

  /** @param module URL of the worker module whose type is `Module` */
  constructor(module: URL, limits: ThreadLimits, taskMilliseconds: number) {
    super({ ...limits, filename: module.href })
    this.taskMilliseconds = taskMilliseconds
  }

  /** Sends an exported task to a thread. For the limits of time and memory see `runTask`. @param signal ends the thread */
  send<Name extends NameIn<Module>>(
    name: Name,
    sent: SentTask<TaskOf<Module[Name]>>,
    signal: AbortSignal,
  ): Promise<Outcome<ValueOf<Module[Name]>>> {
    return this.run(sent, { name, signal })
  }

  /** Calls an exported function that is no task in a thread, for as long as it takes. @param signal ends the thread */
  call<Name extends NameIn<Module>>(
    name: Name,
    argument: ArgumentOf<Module[Name]>,
    signal: AbortSignal,
  ): Promise<ResultOf<Module[Name]>> {
    return this.run(argument, { name, signal })
  }
}
