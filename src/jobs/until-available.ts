import { setTimeout as delay } from 'node:timers/promises'
import type { JobType } from '../../schemas/job.ts'
import { asTureenError } from '../errors.ts'
import type { JobRunner } from './job-runner.ts'

const [firstWait, longestWait] = [1000, 60_000]

/**
 * Returns a runner that runs a job again while the content that it needs is not available. It waits a second at first and a minute at most.
 * The job stays `running` meanwhile: the wait is no further attempt.
 */
export function untilAvailable<Type extends JobType>(run: JobRunner<Type>): JobRunner<Type> {
  return async (request, context) => {
    const { signal } = context
    for (let wait = firstWait; ; wait = Math.min(2 * wait, longestWait)) {
      try {
        return await run(request, context)
      } catch (error) {
        if (signal.aborted || asTureenError(error).code !== 'TUREEN_CONTENT_UNAVAILABLE') throw error
        await delay(wait, undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    }
  }
}
