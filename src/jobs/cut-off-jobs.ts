import type { Logger } from 'pino'
import type { FailedStart } from '../../schemas/job.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import { problemDocument } from '../problem-document.ts'
import { isPostgres } from '../storage/catalog-sql.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { writeDocument } from '../storage/documents/stored-document.ts'
import type { EndJob } from './end-job.ts'
import { isLastAttempt, maximumAttempts } from './job-attempts.ts'
import { beginnings, isOfNewerVersion, jobDocuments } from './job-documents.ts'
import { insertLog } from './job-event-rows.ts'
import { now, type StoredJob, transition } from './job-records.ts'

/** A job that was running when an earlier process died. */
export type CutOffJob = Pick<Tables['jobs'], 'id' | 'type' | 'started_at'> & { attempts: number }

/**
 * Puts the jobs that an earlier process left running back into the queue, and fails those that had their last attempt.
 * Call it before this process runs a job.
 */
export async function settleCutOff(
  transaction: Catalog,
  end: EndJob,
): Promise<{ cutOff: CutOffJob[]; failed: StoredJob[] }> {
  const cutOff = await cutOffJobs(transaction)
  const failed: StoredJob[] = []
  for (const job of cutOff) {
    const ended = await settleOne(transaction, job, end)
    if (ended) failed.push(ended)
  }
  return { cutOff, failed }
}

/** Puts one job that another process left running back into the queue. @returns the job if it had its last attempt, and so failed */
export async function settleOne(transaction: Catalog, job: CutOffJob, end: EndJob): Promise<StoredJob | undefined> {
  const last = { last_failure: writeDocument(jobDocuments.last_failure, failedStart(job)) }
  await insertLog(transaction, job.id, cutOffMessage(job))
  if (job.attempts < maximumAttempts) {
    await transition(transaction, job.id, ['running'], 'queued', last)
    return undefined
  }
  const error = problemDocument(await attemptsExhausted(transaction, job))
  return end(transaction, job.id, 'failed', { ...last, error: writeDocument(jobDocuments.error, error) })
}

/** Tells the log of the server of a job that an earlier process left running. */
export function logCutOff(log: Logger, { id, type, attempts, started_at }: CutOffJob): void {
  const found = { jobId: id, type, attempts, maximumAttempts, startedAt: started_at }
  if (attempts < maximumAttempts) log.warn(found, 'the server died while this job ran; the job starts again')
  else log.error(found, 'the server died again while this job ran; the job fails')
}

/** Returns the jobs that an earlier process left running. Until the end of the transaction no client cancels one of them. */
async function cutOffJobs(transaction: Catalog): Promise<CutOffJob[]> {
  const running = transaction
    .selectFrom('jobs')
    .select(['id', 'type', 'started_at', 'attempts'])
    .select(beginnings)
    .where('status', '=', 'running')
    .orderBy('id')
  const rows = await (isPostgres(transaction) ? running.forUpdate() : running).execute()
  const ours = rows.filter(row => !isOfNewerVersion(row))
  return ours.map(({ id, type, started_at, attempts }) => ({ id, type, started_at, attempts: attempts ?? 0 }))
}

function failedStart({ started_at }: CutOffJob): FailedStart {
  return { startedAt: started_at, foundAt: now(), message: 'The server died while the job ran' }
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
    .leftJoin('exports', 'exports.id', 'job_inputs.input_id')
    .select(['job_inputs.input_id as input', 'models.id as model', 'exports.id as export'])
    .where('job_id', '=', id)
    .limit(maximumNamed)
    .execute()
  const found = `The server died during ${attempts} starts of the ${type} ${id} without new progress, the last one from ${started_at ?? 'an unknown time'} on`
  const advice =
    'Look for the cause in the logs of the server and the kernel, and at the memory that the server may use. Then start the job again, first with fewer inputs.'
  const expected = `fewer than ${maximumAttempts} starts without new progress`
  const causes = inputs.map(({ input, model, export: made }): ProblemItem => {
    const message = `${input} is an input of the job`
    if (made !== null) return { export: input, message }
    return model === null ? { dataset: input, message } : { model: input, message }
  })
  return new TureenError('TUREEN_JOB_ATTEMPTS_EXHAUSTED', `${found}. ${advice}`, [
    { job: id, expected, actual: String(attempts), message: found },
    ...causes,
  ])
}
