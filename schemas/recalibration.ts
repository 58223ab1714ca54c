import { z } from 'zod'
import { digest, reference } from './common.ts'
import { metricRequest, scoring } from './evaluation.ts'

const measuring = {
  inputs: scoring.inputs,
  batches: z.number().int().min(1).optional().describe('Measure on the first batches only'),
  batchSize: scoring.batchSize,
}

/** What the running statistics of batch norms are measured on. */
export const recalibration = z
  .strictObject({ dataset: reference, ...measuring })
  .describe(
    'Measure the running statistics of every BatchNormalization on data: those of other weights are wrong for a soup',
  )

export type RecalibrationRequest = z.infer<typeof recalibration>

/** As {@link recalibration}, with what the soup is scored by before and after. */
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

/** As it stands in a recipe: the data set by digest. */
export const recalibrationRecipe = z.object({ dataset: digest, ...measuring })

export type RecalibrationRecipe = z.infer<typeof recalibrationRecipe>

const score = z.number().nullable().describe('null where it is not finite, or does not exist')

export const recalibrationReport = z.object({
  samples: z.number().int().describe('Samples that the statistics were measured on'),
  passes: z.number().int().describe('Runs over the samples: one for each level of batch norms'),
  layers: z.array(
    z.object({
      node: z.string(),
      channels: z.number().int(),
      meanShift: z
        .number()
        .nullable()
        .describe(
          'Distance that the means moved: root mean square over channels, in standard deviations; null if no standard deviation is above 0',
        ),
      varianceRatio: z.number().nullable().describe('The sum of all variances over what it was; null if that was 0'),
    }),
  ),
  left: z
    .array(z.object({ node: z.string(), reason: z.string() }))
    .describe('Batch norms whose statistics are the averaged ones, and why'),
  score: z.object({ before: score, after: score }).optional().describe('Scores by the metric, on the whole data set'),
})

export type RecalibrationReport = z.infer<typeof recalibrationReport>
