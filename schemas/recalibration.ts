import { z } from 'zod'
import { digest, reference } from './common.ts'
import { metricRequest, scoring } from './evaluation.ts'

const measuring = {
  inputs: scoring.inputs,
  batches: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Number of batches to measure on, from the first; all if left out'),
  batchSize: scoring.batchSize,
}

/** The data that the running statistics of batch norms are measured on. */
export const recalibration = z
  .strictObject({ dataset: reference, ...measuring })
  .describe(
    'Data to measure the running statistics of every BatchNormalization on: averaged statistics do not fit averaged weights',
  )

export type RecalibrationRequest = z.infer<typeof recalibration>

/** A {@link recalibration} with the scoring metric that scores the soup before and after. */
export const scoredRecalibration = recalibration
  .extend({
    metric: metricRequest.optional().describe('Scoring metric for the soup on this data set, before and after'),
    target: scoring.target,
    output: scoring.output,
  })
  .refine(({ metric, target, output }) => metric !== undefined || (target === undefined && output === undefined), {
    message: 'nothing is scored without a metric',
    path: ['metric'],
  })

export type ScoredRecalibrationRequest = z.infer<typeof scoredRecalibration>

/** A recalibration in a recipe, which names the data set by digest. */
export const recalibrationRecipe = z.object({ dataset: digest, ...measuring })

export type RecalibrationRecipe = z.infer<typeof recalibrationRecipe>

const score = z.number().nullable().describe('Value of the scoring metric; null if it is not finite or not defined')

export const recalibrationReport = z.object({
  samples: z.number().int().describe('Number of samples that the statistics were measured on'),
  passes: z.number().int().describe('Number of runs over the samples: one for each level of batch norms'),
  layers: z.array(
    z.object({
      node: z.string(),
      channels: z.number().int(),
      meanShift: z
        .number()
        .nullable()
        .describe(
          'Root mean square, over channels, of the change of the mean in standard deviations; null if no standard deviation is above 0',
        ),
      varianceRatio: z
        .number()
        .nullable()
        .describe('Sum of the new variances divided by the sum of the old ones; null if the old sum is 0'),
    }),
  ),
  left: z
    .array(z.object({ node: z.string(), reason: z.string() }))
    .describe('Batch norms that keep the averaged statistics, each with the reason'),
  score: z.object({ before: score, after: score }).optional().describe('Scores of the soup on the whole data set'),
})

export type RecalibrationReport = z.infer<typeof recalibrationReport>
