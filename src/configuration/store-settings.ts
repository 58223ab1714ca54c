import type { z } from 'zod'
import { jobType } from '../../schemas/job.ts'
import type { SharedJobSettings } from '../jobs/job-limits.ts'
import type { DatabaseAddress } from '../storage/postgres/open-postgres.ts'
import type { environment } from './environment.ts'
import type { S3Address } from './variable-kinds.ts'

/** The bucket of the content. `redirects`: clients download from it; `cacheBytes`: most bytes of local files. */
export type ContentSettings = S3Address & { pathStyle: boolean; redirects: boolean; cacheBytes: number }

type Given = z.output<typeof environment>

/** Returns the database of the catalog; null if it is in the data directory. @throws Error if only the direct address is set */
export function databaseOf({
  TUREEN_DATABASE_URL: url,
  TUREEN_DATABASE_DIRECT_URL: directUrl,
}: Given): DatabaseAddress | null {
  if (url !== undefined) return { url, directUrl: directUrl ?? url }
  if (directUrl === undefined) return null
  throw new Error('The environment is not valid. TUREEN_DATABASE_DIRECT_URL needs TUREEN_DATABASE_URL.')
}

/** Returns the bucket of the content; null if it is in the data directory. @throws Error if downloads need one */
export function contentOf(data: Given): ContentSettings | null {
  const redirects = data.TUREEN_DOWNLOADS === 'redirect'
  if (data.TUREEN_CONTENT)
    return {
      ...data.TUREEN_CONTENT,
      pathStyle: data.TUREEN_S3_PATH_STYLE === 'true',
      redirects,
      cacheBytes: data.TUREEN_CACHE_BYTES,
    }
  if (!redirects) return null
  throw new Error('The environment is not valid. TUREEN_DOWNLOADS=redirect needs TUREEN_CONTENT.')
}

/** Returns how a server runs jobs that it shares with others. @throws Error if it needs other servers, and shares no store */
export function sharedJobsOf(data: Given, isShared: boolean): SharedJobSettings {
  const needed =
    'TUREEN_DATABASE_URL and TUREEN_CONTENT, because several servers use one store only in PostgreSQL and S3'
  if (!isShared && data.TUREEN_ROLE !== 'all')
    throw new Error(`The environment is not valid. TUREEN_ROLE=${data.TUREEN_ROLE} needs ${needed}.`)
  if (!isShared && data.TUREEN_WORKER_JOBS.length > 0)
    throw new Error(`The environment is not valid. TUREEN_WORKER_JOBS needs ${needed}.`)
  const [heartbeatSeconds, takeoverSeconds] = [data.TUREEN_HEARTBEAT_SECONDS, data.TUREEN_TAKEOVER_SECONDS]
  if (3 * heartbeatSeconds > takeoverSeconds)
    throw new Error(
      `The environment is not valid. TUREEN_HEARTBEAT_SECONDS=${heartbeatSeconds} may be a third of TUREEN_TAKEOVER_SECONDS=${takeoverSeconds} at most: one lost heartbeat is no death.`,
    )
  const types = jobType.options.filter(type => data.TUREEN_WORKER_JOBS.includes(type))
  return { types: types.length > 0 ? types : jobType.options, heartbeatSeconds, takeoverSeconds }
}
