import { Piscina } from 'piscina'
import { moved } from './moved.ts'
import type { Outcome } from './outcome.ts'
import type { SentTask } from './task-deadline.ts'
import type { TimedTask } from './timed-task.ts'

/** The parameter of an exported task. */
export type TaskOf<Exported> = Exported extends TimedTask<infer Task, unknown> ? Task : never

/** The result of an exported task. */
export type ValueOf<Exported> = Exported extends TimedTask<never, infer Value> ? Value : never

/** The parameter of an exported function that is not a task. */
type ArgumentOf<Exported> = Exported extends (argument: infer Argument) => unknown ? Argument : never

/** The result of an exported function that is not a task. */
type ResultOf<Exported> = Exported extends (argument: never) => infer Result ? Awaited<Result> : never

/** The number of threads in a pool, the memory of each, and how long an idle one is kept. */
export type ThreadLimits = NonNullable<ConstructorParameters<typeof Piscina>[0]>

/** The names of a worker module's exports. */
export type NameIn<Module> = keyof Module & string

/**
 * Worker threads that run the exports of one module. Names, parameters and results have the types of these exports.
 * Messages to threads are copied as by `structuredClone`.
 */
export class TaskPool<Module> extends Piscina {
  /** Milliseconds that a thread may work on one task. */
  readonly taskMilliseconds: number

  /** @param module URL of the worker module whose type is `Module` */
  constructor(module: URL, limits: ThreadLimits, taskMilliseconds: number) {
    super({ ...limits, filename: module.href })
    this.taskMilliseconds = taskMilliseconds
  }

  /**
   * Sends an exported task to a thread. `runTask` adds the limits of time and memory.
   * @param signal ends the thread
   * @param memory memory of the task that the thread gets and this one loses
   */
  send<Name extends NameIn<Module>>(
    name: Name,
    sent: SentTask<TaskOf<Module[Name]>>,
    signal: AbortSignal,
    memory: readonly ArrayBuffer[],
  ): Promise<Outcome<ValueOf<Module[Name]>>> {
    if (memory.length === 0) return this.run(sent, { name, signal })
    return this.run(moved(sent, memory), { name, signal })
  }

  /** Calls an exported function that is not a task in a thread, without a time limit. @param signal ends the thread */
  call<Name extends NameIn<Module>>(
    name: Name,
    argument: ArgumentOf<Module[Name]>,
    signal: AbortSignal,
  ): Promise<ResultOf<Module[Name]>> {
    return this.run(argument, { name, signal })
  }
}
