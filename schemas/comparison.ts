import { z } from 'zod'
import { labels, modelSelection, namedModel, reference, ttl, waitSeconds } from './common.ts'
import { comparedRules, ruleReport } from './merge.ts'
import { problem } from './problem.ts'

/** Every pair is compared, and there are half as many pairs as the square of this. */
export const maximumCompared = 32

export const comparisonRequest = z
  .strictObject({
    models: z
      .array(z.strictObject({ id: reference }))
      .min(2)
      .max(maximumCompared),
    rules: comparedRules.default([]),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds after its end that the job expires'),
  })
  .meta({ id: 'ResolvedComparisonRequest' })

export type ComparisonRequest = z.infer<typeof comparisonRequest>

/** A comparison request as it is sent: its models may be selected by label. */
export const comparisonBody = comparisonRequest
  .extend({ models: z.union([comparisonRequest.shape.models, modelSelection]) })
  .meta({ id: 'ComparisonRequest' })

export type ComparisonBody = z.infer<typeof comparisonBody>

const cosine = z
  .number()
  .nullable()
  .describe('Cosine of the angle between the two, over elements that are finite in both; null if one is all zeros')
const relativeDistance = z
  .number()
  .nullable()
  .describe('‖b - a‖ / ‖a‖ (L2), over elements that are finite in both; null if only a is all zeros')
const nonFinite = z.object({ a: z.number().int(), b: z.number().int() }).describe('NaN and infinite elements of each')

const tensorPair = z.object({
  a: z.string().describe('Its name in the first model'),
  b: z.string().describe('Its name in the second'),
  dtype: z.string(),
  dims: z.array(z.number().int()),
  averaged: z.boolean().describe('True if a soup would average it: it is a weight, and no rule skips it'),
  identical: z.boolean().describe('Bit by bit'),
  cosine,
  relativeDistance,
  nonFinite: nonFinite.nullable(),
})

const pair = z.object({
  a: z.string().describe('A model, as the request names it: the base'),
  b: z.string(),
  compatible: z.boolean().describe('True if a merge of the two, made from the first, would be accepted'),
  reasons: z
    .array(problem.shape.errors.element)
    .describe('If not: everything that stands in the way, in b unless said'),
  cosine,
  relativeDistance,
  totals: z.object({
    tensors: z.number().int().describe('Pairs of tensors'),
    identical: z.number().int(),
    averaged: z
      .number()
      .int()
      .describe('Pairs that a soup would average; a merge counts those among them that are identical as copied'),
    nonFinite,
  }),
  rules: z
    .array(ruleReport)
    .optional()
    .describe('Tensors and elements that each rule matched, in order; absent without rules'),
  warnings: z.array(z.string()),
  tensors: z.array(tensorPair),
  omitted: z.number().int().describe('Tensors that are not listed, as there are too many; those listed differ most'),
})

export const comparisonResult = z
  .object({
    models: z.array(namedModel).optional().describe('The models of the request, in its order'),
    pairs: z.array(pair),
    warnings: z.array(z.string()).describe('Warnings about all pairs; each names its models'),
  })
  .meta({ id: 'ComparisonResult' })

export type ComparisonResult = z.infer<typeof comparisonResult>

export const comparisonParameters = z.strictObject({ wait: waitSeconds })
