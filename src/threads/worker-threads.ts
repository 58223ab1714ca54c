import { moduleUrl } from '../own-modules.ts'
import { type TaskOf, TaskPool, type ThreadLimits, type ValueOf } from './task-pool.ts'

type ModelModule = typeof import('./worker.ts')
type HashModule = typeof import('./hash-worker.ts')
type FileModule = typeof import('./file-worker.ts')

/** Threads that read and merge models. */
export type ModelThreads = TaskPool<ModelModule>

/** Threads that hash files. */
export type HashThreads = TaskPool<HashModule>

/** Threads that create and rename small files. */
export type FileThreads = TaskPool<FileModule>

/** The parameter of a task of {@link ModelThreads}. */
export type ModelTask<Name extends keyof ModelModule> = TaskOf<ModelModule[Name]>

/** The result of a task of {@link ModelThreads}. */
export type ModelValue<Name extends keyof ModelModule> = ValueOf<ModelModule[Name]>

/** Returns a pool of threads that read and merge models. @param taskMilliseconds that a thread may work on one task */
export function modelThreads(limits: ThreadLimits, taskMilliseconds: number): ModelThreads {
  return new TaskPool(moduleUrl('./worker.ts', import.meta.url), limits, taskMilliseconds)
}

/** Returns a pool of threads that hash files. @param taskMilliseconds that a thread may work on one task */
export function hashThreads(limits: ThreadLimits, taskMilliseconds: number): HashThreads {
  return new TaskPool(moduleUrl('./hash-worker.ts', import.meta.url), limits, taskMilliseconds)
}

/** Returns a pool of threads that create and rename small files. @param taskMilliseconds that a thread may work on one task */
export function fileThreads(limits: ThreadLimits, taskMilliseconds: number): FileThreads {
  return new TaskPool(moduleUrl('./file-worker.ts', import.meta.url), limits, taskMilliseconds)
}
