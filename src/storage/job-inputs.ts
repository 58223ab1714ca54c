import { type Place, TureenError } from '../errors.ts'
import type { Catalog } from './database.ts'

/** Most jobs that the sentence of an error names. Its causes name all of them. */
const namedJobs = 10

/**
 * Refuses to delete a record while a job needs it that has not ended. Its row must be locked, so that no new job needs it meanwhile.
 * @param what names the model or data set in the refusal
 * @param place the same, as fields of its causes
 * @throws TureenError `TUREEN_IN_USE` while a job that is not over needs the model or data set `id`
 */
export async function refuseWhileInUse(transaction: Catalog, id: string, what: string, place: Place): Promise<void> {
  const rows = await transaction
    .selectFrom('job_inputs')
    .innerJoin('jobs', 'jobs.id', 'job_inputs.job_id')
    .select('jobs.id')
    .where('job_inputs.input_id', '=', id)
    .where('jobs.status', 'in', ['queued', 'running'])
    .execute()
  if (rows.length === 0) return
  const ids = rows.map(row => row.id)
  const jobs = ids.length > 1 ? `the jobs ${ids.slice(0, namedJobs).join(', ')}` : `the job ${ids[0]}`
  const more = ids.length > namedJobs ? ` and ${ids.length - namedJobs} more` : ''
  const advice = ids.length > 1 ? 'Wait for them or cancel them' : 'Wait for it or cancel it'
  throw new TureenError(
    'TUREEN_IN_USE',
    `${what} is used by ${jobs}${more}. ${advice}.`,
    ids.map(job => ({ ...place, job, message: `is used by the job ${job}` })),
  )
}
