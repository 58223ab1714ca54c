import { z } from 'zod'
import { isolation } from './isolation.ts'

export const health = z.object({ status: z.literal('ok') }).meta({ id: 'Health' })

const count = z.number().int()
/** Number of records and their bytes; null while the catalog cannot be read. */
const holding = z
  .object({
    records: count,
    bytes: count.describe('Bytes of the content of all records; content that records share counts for each of them'),
  })
  .nullable()
  .describe('Number of records and their bytes; null while the catalog cannot be read')

export const verificationPass = z
  .object({
    startedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable().describe('End of the pass; null while it runs'),
    files: count.describe('Number of verified files'),
    bytes: count.describe('Bytes of the verified files'),
    damagedFiles: count.describe('Number of files whose content does not match their digest'),
    damaged: z
      .array(
        z.object({
          sha256: z.string(),
          message: z.string().describe('Damage, in words'),
          records: z.array(z.string()).describe('Ids of some models and data sets that refer to the file'),
        }),
      )
      .describe('The first 100 damaged files, in their state at the time of the pass'),
  })
  .meta({ id: 'VerificationPass' })

export type VerificationPass = z.infer<typeof verificationPass>

/** The token of a request, as the server tells its client. */
export const ownToken = z
  .object({
    name: z.string(),
    scope: z.enum(['read', 'score', 'write', 'admin']).describe('Requests that the token allows'),
  })
  .nullable()
  .describe('The token of this request; null on a server without tokens')

export const usage = z
  .object({
    token: ownToken,
    models: holding,
    datasets: holding,
    jobs: z
      .object({ queued: count, running: count, waiting: count, succeeded: count, failed: count, cancelled: count })
      .nullable()
      .describe('Number of jobs by status; null while the catalog cannot be read'),
    scores: z
      .object({ records: count.describe('Number of kept scores, which later jobs need not compute') })
      .nullable()
      .describe('Kept scores; null while the catalog cannot be read'),
    content: z
      .object({ files: count, bytes: count })
      .nullable()
      .describe('Files of models and data sets on disk, each counted once; null while the folder cannot be read'),
    quarantine: z
      .object({ files: count, bytes: count })
      .describe('Files that no record refers to, kept for TUREEN_QUARANTINE_DAYS; they count towards storeBytes'),
    verification: z
      .object({
        days: count.describe('TUREEN_VERIFY_DAYS: days in which the server reads all content again; 0: never'),
        current: verificationPass.nullable().describe('The running pass; null if none runs'),
        last: verificationPass.nullable().describe('The last finished pass; null before the first one ends'),
      })
      .describe('Background verification, which hashes content again and compares the digests'),
    disk: z
      .object({ freeBytes: count, totalBytes: count })
      .nullable()
      .describe('Space on the volume of the data directory; null if the volume does not answer'),
    isolation,
    limits: z
      .object({
        uploadBytes: count.describe('Most bytes of one upload'),
        storeBytes: count.nullable().describe('Most bytes of the store; null: as many as fit on the disk'),
        uploads: count.describe('Most uploads at a time'),
        uploadsOfClient: count.describe(
          'Most uploads of one token or address at a time, while at least half of all upload slots are taken',
        ),
        bytesPerSecond: count
          .nullable()
          .describe(
            'Least bytes per second of an upload or download while the server waits for the client; null: none',
          ),
        bodySeconds: count.describe('Most seconds that a client may take to send a JSON or YAML body'),
        connections: count.describe('Most connections at a time'),
        eventStreams: count.describe('Most event streams of one token or address at a time'),
        waits: count.describe('Most requests with ?wait of one token or address at a time'),
        models: count.describe('Most models in one merge, soup or comparison'),
        searchModels: count.describe('Most models in one search'),
        queuedJobs: count.describe('Most jobs in the queue'),
        requestsPerMinute: count
          .nullable()
          .describe('Most requests of one token or address in a minute; null: no limit'),
        evaluationSeconds: count.describe('Most seconds of one evaluation'),
        evaluationMemoryBytes: count.describe('Most bytes of memory of one evaluation'),
        evaluationThreads: count.describe('Intra-op threads of onnxruntime in one evaluation'),
        searchMemoryBytes: count.describe(
          'Most bytes of samples that the evaluators of one search keep ready to run, all together',
        ),
        taskSeconds: count.describe('Most seconds that a worker thread may spend on one task'),
        jobTtl: count.nullable().describe('Seconds that the server keeps ended jobs without ttl; null: for ever'),
        idempotencySeconds: count.describe('Seconds that the server keeps an idempotency key'),
      })
      .describe('Limits of this server'),
  })
  .meta({ id: 'Usage' })

export type Usage = z.infer<typeof usage>
