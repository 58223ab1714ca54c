import type { z } from 'zod'
import { jobParameters, jobStartHeaders } from '../../schemas/job.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { jobStartErrors } from './job-replies.ts'
import { failedJobResponses, problemResponses } from './openapi.ts'

/** The operation that starts jobs of one type, as the API describes it. */
type JobOperation = { operationId: string; summary: string; description: string; tags: string[]; body: z.ZodType }

/**
 * Returns the options of the route that starts jobs of one type. Its handler calls `startJob`.
 * @param job schema of the records of these jobs
 * @param codes the codes that the services behind the route declare
 */
export function startOptions<Operation extends JobOperation, Job extends z.ZodType>(
  operation: Operation,
  job: Job,
  ...codes: readonly ErrorCode[]
) {
  return {
    schema: {
      ...operation,
      headers: jobStartHeaders,
      querystring: jobParameters,
      response: {
        200: job.describe('The ended job, with ?wait'),
        202: job,
        ...problemResponses(...jobStartErrors, ...codes),
        ...failedJobResponses,
      },
    },
  }
}
