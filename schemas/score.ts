import { z } from 'zod'
import { digest, id, name, page, pageParameters, timestamp } from './common.ts'

const value = z.number().nullable().describe('null where it is not finite, or does not exist')

/** A score that was computed for a model and is kept. */
export const keptScore = z
  .object({
    dataset: z.object({
      sha256: digest,
      id: id.nullable().describe('The newest data set with this content; null if there is none any more'),
      name: name.nullable(),
    }),
    metric: z.string().describe('Its name; of a metric that is a model, the digest of that model'),
    parameters: z.record(z.string(), z.unknown()).describe('Parameters of the metric'),
    value,
    perClass: z
      .array(z.object({ class: z.union([z.number().int(), z.string()]), value, support: z.number().int() }))
      .optional(),
    note: z.string().optional().describe('Assumptions, such as how the outputs were read'),
    samples: z.number().int().describe('Number of samples that were scored'),
    limit: z.number().int().nullable().describe('The limit of the request; null: the whole data set'),
    batchSize: z.number().int().describe('Samples in one run'),
    inputs: z.record(z.string(), z.string()).describe('The array for each input of the model'),
    target: z.string().nullable(),
    output: z.string().nullable(),
    threads: z.number().int().describe('Threads of onnxruntime'),
    jobId: id.nullable().describe('The job that computed it, which may have been deleted'),
    createdAt: timestamp,
  })
  .meta({ id: 'Score' })

export type KeptScoreRecord = z.infer<typeof keptScore>

export const scorePage = page(keptScore).meta({ id: 'ScorePage' })

export const scoreParameters = z.strictObject(pageParameters)
