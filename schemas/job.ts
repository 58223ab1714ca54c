import { z } from 'zod'
import { id, labelParameters, labels, page, pageParameters, timestamp, waitSeconds } from './common.ts'
import { mergeRequest, mergeResult } from './merge.ts'
import { problem } from './problem.ts'

export const jobType = z.enum(['merge'])
export const jobStatus = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled'])

export type JobType = z.infer<typeof jobType>
export type JobStatus = z.infer<typeof jobStatus>

export const jobProgress = z.object({ done: z.number(), total: z.number(), message: z.string() })

export type JobProgress = z.infer<typeof jobProgress>

export const job = z
  .object({
    id,
    type: jobType,
    status: jobStatus,
    progress: jobProgress.nullable(),
    labels,
    createdAt: timestamp,
    startedAt: timestamp.nullable(),
    finishedAt: timestamp.nullable(),
    request: mergeRequest,
    result: mergeResult.optional().describe('Of a job that succeeded'),
    error: problem.optional().describe('Of a job that failed or was cancelled'),
  })
  .meta({ id: 'Job' })

export type JobRecord = z.infer<typeof job>

export const jobPage = page(job).meta({ id: 'JobPage' })

export const jobFilters = z.strictObject({
  ...pageParameters,
  type: jobType.optional(),
  status: jobStatus.optional(),
  label: labelParameters,
})

export const jobParameters = z.strictObject({ wait: waitSeconds })
