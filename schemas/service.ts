import { z } from 'zod'

export const health = z.object({ status: z.literal('ok') }).meta({ id: 'Health' })

const count = z.number().int()
/** Null says that this part of the store cannot be read at the moment. */
const holding = z
  .object({ records: count, bytes: count.describe('Bytes of the records; shared content counts for each') })
  .nullable()
  .describe('null: the catalog cannot be read at the moment')

export const verificationPass = z
  .object({
    startedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable().describe('null: it is under way'),
    files: count.describe('Files verified'),
    bytes: count.describe('Bytes of the files verified'),
    damagedFiles: count.describe('Files that do not hold what was stored'),
    damaged: z
      .array(
        z.object({
          sha256: z.string(),
          message: z.string().describe('Damage that was found'),
          records: z.array(z.string()).describe('Ids of models and data sets that refer to the file; the first ones'),
        }),
      )
      .describe('The first 100 of these files, as they were found then'),
  })
  .meta({ id: 'VerificationPass' })

export type VerificationPass = z.infer<typeof verificationPass>

export const usage = z
  .object({
    models: holding,
    datasets: holding,
    jobs: z
      .object({ queued: count, running: count, succeeded: count, failed: count, cancelled: count })
      .nullable()
      .describe('null: the catalog cannot be read at the moment'),
    scores: z
      .object({ records: count.describe('Scores that need not be computed again') })
      .nullable()
      .describe('null: the catalog cannot be read at the moment'),
    content: z
      .object({ files: count, bytes: count })
      .nullable()
      .describe(
        'The files of models and data sets on the disk, each once however many records refer to it; null: they cannot be read at the moment',
      ),
    quarantine: z
      .object({ files: count, bytes: count })
      .describe('Files that no record refers to, kept for TUREEN_QUARANTINE_DAYS; they count in the store'),
    verification: z
      .object({
        days: count.describe('TUREEN_VERIFY_DAYS: days in which all content is read again; 0: never'),
        current: verificationPass.nullable().describe('The pass under way'),
        last: verificationPass.nullable().describe('The last pass that was finished'),
      })
      .describe('The background verification: it hashes content again and compares the digests'),
    disk: z
      .object({ freeBytes: count, totalBytes: count })
      .nullable()
      .describe('Space on the volume of the data directory; null if the volume does not answer'),
    limits: z
      .object({
        uploadBytes: count,
        storeBytes: count.nullable().describe('null: as many as the disk takes'),
        uploads: count.describe('At a time'),
        uploadsOfClient: count.describe('Uploads of one token or address at a time, once half of all slots are taken'),
        bytesPerSecond: count
          .nullable()
          .describe('Least rate of an upload or download while the server waits for its client; null: any'),
        bodySeconds: count.describe('Seconds that a JSON or YAML body may take in all'),
        connections: count.describe('At a time'),
        eventStreams: count.describe('Number for one token or address at a time'),
        waits: count.describe('Requests with ?wait of one token or address, at a time'),
        models: count.describe('Models in one merge, soup or comparison'),
        searchModels: count.describe('Models in one search'),
        queuedJobs: count,
        requestsPerMinute: count.nullable().describe('Requests a minute of one token or address; null: no limit'),
        evaluationSeconds: count,
        evaluationMemoryBytes: count,
        evaluationThreads: count,
        searchMemoryBytes: count,
        taskSeconds: count.describe('Seconds that a worker thread may work on one task.'),
        jobTtl: count.nullable().describe('Seconds that jobs are kept whose request has no ttl; null for ever'),
        idempotencySeconds: count,
      })
      .describe('Limits of this server'),
  })
  .meta({ id: 'Usage' })

export type Usage = z.infer<typeof usage>
