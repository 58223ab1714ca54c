import { type Place, type ProblemItem, TureenError } from '../errors.ts'
import { firstOf } from '../first-of.ts'
import type { Catalog } from './database.ts'

/** Most users of a record that the sentence of an error names. Its causes name all of them. */
const namedUsers = 10

/**
 * Refuses to delete a record while a job needs it that has not ended, or while an export is made of it. Its row must be locked, so that no
 * new job needs it meanwhile.
 * @param what names the model, data set or export in the refusal
 * @param place the same, as fields of its causes
 * @throws TureenError `TUREEN_IN_USE` while a job or an export needs the record `id`
 */
export async function refuseWhileInUse(transaction: Catalog, id: string, what: string, place: Place): Promise<void> {
  // Jobs come first: a job that ends in between has made its export by then.
  const jobs = await transaction
    .selectFrom('job_inputs')
    .innerJoin('jobs', 'jobs.id', 'job_inputs.job_id')
    .select('jobs.id')
    .where('job_inputs.input_id', '=', id)
    .where('jobs.status', 'in', ['queued', 'running'])
    .execute()
  const advice = jobs.length > 1 ? 'Wait for them or cancel them' : 'Wait for it or cancel it'
  refuseFor(jobs, 'job', advice, what, job => ({ ...place, job, message: `is used by the job ${job}` }))
  const exports = await transaction
    .selectFrom('exports')
    .select('id')
    .where(({ or, eb }) => or([eb('model_id', '=', id), eb('checkpoint_id', '=', id)]))
    .execute()
  const remedy = exports.length > 1 ? 'Delete them first' : 'Delete it first'
  refuseFor(exports, 'export', remedy, what, each => ({
    ...place,
    export: each,
    message: `is used by the export ${each}`,
  }))
}

/** @throws TureenError that names the users of a record, if there are any */
function refuseFor(
  users: readonly { id: string }[],
  kind: 'job' | 'export',
  advice: string,
  what: string,
  cause: (id: string) => ProblemItem,
): void {
  if (users.length === 0) return
  const ids = users.map(({ id }) => id)
  const named = `the ${kind}${ids.length > 1 ? 's' : ''} ${firstOf(ids, namedUsers)}`
  throw new TureenError('TUREEN_IN_USE', `${what} is used by ${named}. ${advice}.`, ids.map(cause))
}
