import type { JobType } from '../../schemas/job.ts'
import type { JobRunner } from './job-runner.ts'

/** The jobs that run in this process. */
export type RunningJobs = {
  /** Number of jobs that run now. */
  readonly count: number
  /** Returns a runner whose runs are counted. */
  counting<Type extends JobType>(run: JobRunner<Type>): JobRunner<Type>
}

/** @param onNone called when the last running job has ended */
export function countRunningJobs(onNone: () => void): RunningJobs {
  let count = 0
  return {
    get count() {
      return count
    },
    counting: run => async (request, context) => {
      count += 1
      try {
        await run(request, context)
      } finally {
        count -= 1
        if (count === 0) onNone()
      }
    },
  }
}
