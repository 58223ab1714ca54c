import type { JobOf, JobType } from '../schemas/job.ts'
import { type Exchange, readJson } from './exchange.ts'
import type { OperationId, PathValues } from './operations.ts'
import type { CreationOptions } from './settings.ts'

/** Seconds for which the server may hold the answer back, unless the job ends earlier: at most 45. */
export type JobWait = { wait?: number }

/** Sends a request that starts a job. @param body an object, or a text in YAML */
export function startJob<Id extends OperationId, Type extends JobType>(
  { send }: Exchange,
  id: Id,
  values: PathValues<Id>,
  body: unknown,
  { wait, ...options }: CreationOptions & JobWait = {},
): Promise<JobOf<Type>> {
  const isYaml = typeof body === 'string'
  const headers = { 'content-type': isYaml ? 'application/yaml' : 'application/json' }
  const call = { query: { wait }, headers, body: isYaml ? body : JSON.stringify(body), options }
  return send(id, values, call, readJson<JobOf<Type>>)
}
