import { z } from 'zod'
import { digest, id, name, page, pageParameters, timestamp } from './common.ts'

const value = z.number().nullable().describe('Value of the scoring metric; null if it is not finite or not defined')

/** A score of a model that the server keeps. */
export const keptScore = z
  .object({
    dataset: z.object({
      sha256: digest,
      id: id.nullable().describe('Id of the newest data set with this content; null if it was deleted'),
      name: name.nullable(),
    }),
    metric: z.string().describe('Name of the scoring metric, or the digest of the model that is the metric'),
    parameters: z.record(z.string(), z.unknown()).describe('Parameters of the scoring metric'),
    value,
    perClass: z
      .array(z.object({ class: z.union([z.number().int(), z.string()]), value, support: z.number().int() }))
      .optional(),
    note: z.string().optional().describe('Assumption of the scoring, such as outputs that were read as logits'),
    ignored: z
      .number()
      .int()
      .optional()
      .describe('Number of targets that the score leaves out; absent for scores of older versions'),
    samples: z.number().int().describe('Number of samples that were scored'),
    limit: z.number().int().nullable().describe('The limit of the request, in samples; null: the whole data set'),
    batchSize: z.number().int().describe('Samples in one run'),
    inputs: z.record(z.string(), z.string()).describe('Name of the array for each input of the model'),
    target: z.string().nullable(),
    output: z.string().nullable(),
    threads: z.number().int().describe('Intra-op threads of onnxruntime'),
    jobId: id.nullable().describe('Id of the job that computed the score; that job may have been deleted'),
    createdAt: timestamp,
  })
  .meta({ id: 'Score' })

export type KeptScoreRecord = z.infer<typeof keptScore>

export const scorePage = page(keptScore).meta({ id: 'ScorePage' })

export const scoreParameters = z.strictObject(pageParameters)
