import pLimit from 'p-limit'
import { Piscina } from 'piscina'
import { unlessAborted } from '../unless-aborted.ts'
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

type PoolOptions = NonNullable<ConstructorParameters<typeof Piscina>[0]>

/** The number of threads in a pool, the memory of each, and how long an idle one is kept. */
export type ThreadLimits = PoolOptions & { maxThreads: number }

/** The names of a worker module's exports. */
export type NameIn<Module> = keyof Module & string

/**
 * Worker threads that run the exports of one module. Names, parameters and results have the types of these exports.
 * Messages to threads are copied as by `structuredClone`.
 */
export class TaskPool<Module> extends Piscina {
  // Tasks wait here: those in Piscina's own queue would wait for ever when the tasks of all threads are aborted.
  readonly #atATime: ReturnType<typeof pLimit>
  readonly #ended = new AbortController()
  /** Milliseconds that a thread may work on one task. */
  readonly taskMilliseconds: number

  /** @param module URL of the worker module whose type is `Module` */
  constructor(module: URL, limits: ThreadLimits, taskMilliseconds: number) {
    // A thread that sleeps in Atomics.wait does not always wake when it is ended.
    super({ ...limits, filename: module.href, atomics: 'disabled' })
    this.#atATime = pLimit(limits.maxThreads)
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
    return this.#inTurn(signal, () => this.run(memory.length === 0 ? sent : moved(sent, memory), { name, signal }))
  }

  /** Calls an exported function that is not a task in a thread, without a time limit. @param signal ends the thread */
  call<Name extends NameIn<Module>>(
    name: Name,
    argument: ArgumentOf<Module[Name]>,
    signal: AbortSignal,
  ): Promise<ResultOf<Module[Name]>> {
    return this.#inTurn(signal, () => this.run(argument, { name, signal }))
  }

  /** Ends all threads. Tasks that run or wait are rejected. */
  override async destroy(): Promise<void> {
    this.#ended.abort(new Error('the threads have ended'))
    await super.destroy()
  }

  #inTurn<Value>(signal: AbortSignal, run: () => Promise<Value>): Promise<Value> {
    return unlessAborted(
      signal,
      this.#atATime(() => {
        signal.throwIfAborted()
        this.#ended.signal.throwIfAborted()
        return run()
      }),
    )
  }
}
