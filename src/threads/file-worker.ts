import { createInThread, existInThread, moveInThread } from '../storage/file-batches.ts'
import { timedTask } from './timed-task.ts'

/**
 * The module of worker threads that create and rename small files, and its tasks. Uploads wait for these threads, so they have the priority
 * of the event loop.
 */
export const create = timedTask(createInThread)

export const exist = timedTask(existInThread)

export const move = timedTask(moveInThread)
