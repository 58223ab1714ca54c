import { z } from 'zod'

export const health = z.object({ status: z.literal('ok') }).meta({ id: 'Health' })

const count = z.number().int()
const holding = z.object({ records: count, bytes: count.describe('What two records share counts for both') })

export const usage = z
  .object({
    models: holding,
    datasets: holding,
    jobs: z.object({ queued: count, running: count, succeeded: count, failed: count, cancelled: count }),
    scores: z.object({ records: count.describe('Scores that need not be computed again') }),
    content: z
      .object({ files: count, bytes: count })
      .describe('The files of models and data sets, each once however many records refer to it'),
    quarantine: z
      .object({ files: count, bytes: count })
      .describe('Files that no record refers to, kept for TUREEN_QUARANTINE_DAYS; they count in the store'),
    disk: z.object({ freeBytes: count, totalBytes: count }).describe('Of the volume that the data directory is on'),
    limits: z
      .object({
        uploadBytes: count,
        storeBytes: count.nullable().describe('null: as many as the disk takes'),
        uploads: count.describe('At a time'),
        models: count.describe('In one merge, soup, comparison or search'),
        queuedJobs: count,
        requestsPerMinute: count.nullable().describe('Of one token or address; null: as many as they like'),
        evaluationSeconds: count,
        evaluationMemoryBytes: count,
        evaluationThreads: count,
        searchMemoryBytes: count,
        jobTtl: count.nullable().describe('Seconds that jobs are kept whose request has no ttl; null for ever'),
        idempotencySeconds: count,
      })
      .describe('What the server is set to'),
  })
  .meta({ id: 'Usage' })

export type Usage = z.infer<typeof usage>
