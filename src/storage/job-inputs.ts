import { type ProblemItem, TureenError } from '../errors.ts'
import type { Catalog } from './database.ts'

/**
 * @param place what the refusal's items name beside the jobs, such as the model as the client called it
 * @throws TureenError `TUREEN_IN_USE` while a job that is not over needs the model or data set `id`
 */
export async function refuseWhileInUse(
  catalog: Catalog,
  id: string,
  what: string,
  place: Omit<ProblemItem, 'message'> = {},
): Promise<void> {
  const rows = await catalog
    .selectFrom('job_inputs')
    .innerJoin('jobs', 'jobs.id', 'job_inputs.job_id')
    .select('jobs.id')
    .where('job_inputs.input_id', '=', id)
    .where('jobs.status', 'in', ['queued', 'running'])
    .execute()
  if (rows.length === 0) return
  const message = `is used by the job${rows.length > 1 ? 's' : ''} ${rows.map(row => row.id).join(', ')}`
  throw new TureenError('TUREEN_IN_USE', `${what} ${message}; wait for it or cancel it.`, [{ ...place, message }])
}
