import type { Logger } from 'pino'
import { type ProblemItem, TureenError } from '../errors.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { isLastAttempt, maximumAttempts } from './job-attempts.ts'
import { insertEvent, type StoredJob, transition } from './job-records.ts'

/** A job that was running when an earlier process died. */
export type CutOffJob = Pick<Tables['jobs'], 'id' | 'type' | 'started_at'> & { attempts: number }

/**
 * Puts the jobs that an earlier process left running back into the queue, and fails those that had their last attempt.
 * @param mine ids of the jobs of this process
 * @param fail ends a running job with an error. @returns the ended job
 */
export async function settleCutOff(
  transaction: Catalog,
  mine: readonly string[],
  fail: (id: string, error: TureenError) => Promise<StoredJob | undefined>,
): Promise<{ cutOff: CutOffJob[]; failed: StoredJob[] }> {
  const cutOff = await cutOffJobs(transaction, mine)
  const failed: StoredJob[] = []
  for (const job of cutOff) {
    await insertEvent(transaction, job.id, 'log', { message: cutOffMessage(job) })
    if (job.attempts < maximumAttempts) {
      await transition(transaction, job.id, ['running'], 'queued')
      continue
    }
    const ended = await fail(job.id, await attemptsExhausted(transaction, job))
    if (ended) failed.push(ended)
  }
  return { cutOff, failed }
}

/** Tells the log of the server of a job that an earlier process left running. */
export function logCutOff(log: Logger, { id, type, attempts, started_at }: CutOffJob): void {
  const found = { jobId: id, type, attempts, maximumAttempts, startedAt: started_at }
  if (attempts < maximumAttempts) log.warn(found, 'the server died while this job ran; the job starts again')
  else log.error(found, 'the server died again while this job ran; the job fails')
}

/** Returns the running jobs that this process does not run. @param mine ids of the jobs of this process */
async function cutOffJobs(catalog: Catalog, mine: readonly string[]): Promise<CutOffJob[]> {
  const rows = await catalog
    .selectFrom('jobs')
    .select(['id', 'type', 'started_at', 'attempts'])
    .where('status', '=', 'running')
    .where('id', 'not in', [...mine])
    .orderBy('id')
    .execute()
  return rows.map(row => ({ ...row, attempts: row.attempts ?? 0 }))
}

/** Returns the log message of a job for a start after a crash. */
function cutOffMessage({ attempts, started_at }: CutOffJob): string {
  const found = `The server died while the job ran, which had started at ${started_at ?? 'an unknown time'}`
  if (attempts >= maximumAttempts) return `${found}. The job fails: this was start ${attempts} without new progress.`
  const alone = isLastAttempt(attempts) ? ', and runs alone' : ''
  return `${found}. The job starts again${alone}: start ${attempts + 1} of ${maximumAttempts} without new progress.`
}

/** Most inputs that an error names one by one. */
const maximumNamed = 20

/** Returns the error of a job that had its last attempt. It names the inputs, since one of them may crash the server. */
async function attemptsExhausted(
  catalog: Catalog,
  { id, type, attempts, started_at }: CutOffJob,
): Promise<TureenError> {
  const inputs = await catalog
    .selectFrom('job_inputs')
    .leftJoin('models', 'models.id', 'job_inputs.input_id')
    .select(['job_inputs.input_id as input', 'models.id as model'])
    .where('job_id', '=', id)
    .limit(maximumNamed)
    .execute()
  const found = `The server died during ${attempts} starts of the ${type} ${id} without new progress, the last one from ${started_at ?? 'an unknown time'} on`
  const advice =
    'Look for the cause in the logs of the server and the kernel, and at the memory that the server may use. Then start the job again, first with fewer inputs.'
  const expected = `fewer than ${maximumAttempts} starts without new progress`
  const causes = inputs.map(({ input, model }): ProblemItem => {
    const message = `${input} is an input of the job`
    return model === null ? { dataset: input, message } : { model: input, message }
  })
  return new TureenError('TUREEN_JOB_ATTEMPTS_EXHAUSTED', `${found}. ${advice}`, [
    { job: id, expected, actual: String(attempts), message: found },
    ...causes,
  ])
}
