import type { JobType } from '../../schemas/job.ts'

/**
 * Limits of jobs. `concurrency`: most running jobs of one type. `maximumQueued`: most queued jobs of all types. `ttl`: seconds from the end
 * of a job until it expires, if its request has no `ttl`; null: never.
 */
export type JobLimits = { concurrency: number; maximumQueued: number; ttl: number | null }

/**
 * How a server runs jobs that it shares with others. `types`: job types that it runs. `heartbeatSeconds`: seconds between two heartbeats of a
 * running job. `takeoverSeconds`: seconds without one until another server takes the job.
 */
export type SharedJobSettings = { types: readonly JobType[]; heartbeatSeconds: number; takeoverSeconds: number }
