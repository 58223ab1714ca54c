import type { JobOf, JobProgress, JobType } from '../../schemas/job.ts'
import type { Catalog } from '../storage/database.ts'
import type { ResultText } from './job-results.ts'

/** The context of a running job. */
export type JobContext<Type extends JobType> = {
  id: string
  /** Fires when the job is cancelled or the server stops. The job must then end at once. */
  signal: AbortSignal
  /** Progress of the job when an earlier process ended; null at its first start. */
  resumed: JobProgress | null
  progress(progress: JobProgress): void
  /**
   * Ends the job. `settle` makes its effects visible and returns its result, in one transaction with the new status.
   * @throws TureenError `TUREEN_JOB_CANCELLED` if the job was cancelled meanwhile; then nothing is changed
   */
  succeed(settle: (transaction: Catalog) => Promise<NonNullable<JobOf<Type>['result']> | ResultText>): Promise<void>
  /**
   * Ends this start of the job, which then waits for others without a slot, and counts its attempts from 0 again. Whoever brings what it waits
   * for puts it back into the queue. The runner must return after that.
   * @param want writes what the job waits for, in one transaction with the new status. It returns false if all of it has come meanwhile: then
   *   the job is queued again at once
   * @throws TureenError `TUREEN_JOB_CANCELLED` if the job was cancelled meanwhile; then nothing is changed
   */
  waitFor(want: (transaction: Catalog) => Promise<boolean>): Promise<void>
}

/** Runs the jobs of one type. It may run twice for one job, and must then have the same effect as one run. */
export type JobRunner<Type extends JobType> = (
  request: JobOf<Type>['request'],
  context: JobContext<Type>,
) => Promise<void>

/** The job types with their runners. */
export type RunnableJobTypes = { [Type in JobType]: { runner: JobRunner<Type> } }
