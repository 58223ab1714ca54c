import { z } from 'zod'
import { labels, modelSelection, namedModel, reference, ttl } from './common.ts'
import { comparedRules, ruleReport } from './merge.ts'
import { problem } from './problem.ts'

/** Most models in one comparison. Each pair is compared: n models make n(n - 1)/2 pairs, so 32 make 496. */
export const maximumCompared = 32

export const comparisonRequest = z
  .strictObject({
    models: z
      .array(z.strictObject({ id: reference }))
      .min(2)
      .max(maximumCompared),
    rules: comparedRules.default([]),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds from the end of the job until its record expires'),
  })
  .meta({ id: 'ResolvedComparisonRequest' })

export type ComparisonRequest = z.infer<typeof comparisonRequest>

/** A comparison request as clients send it: a label may select its models. */
export const comparisonBody = comparisonRequest
  .extend({ models: z.union([comparisonRequest.shape.models, modelSelection]) })
  .meta({ id: 'ComparisonRequest' })

export type ComparisonBody = z.infer<typeof comparisonBody>

/** The operation that starts comparisons: the dry run of a merge. */
export const comparisonOperation = {
  operationId: 'createComparison',
  summary: 'Compare models',
  description:
    'A job that compares models pair by pair. It finds differences that prevent a merge, the distance of the weights, and the warnings of a merge.',
  tags: ['soups'],
  body: comparisonBody,
}

const cosine = z
  .number()
  .nullable()
  .describe('Cosine of the angle between a and b, over elements that are finite in both; null if one is all zeros')
const relativeDistance = z
  .number()
  .nullable()
  .describe('‖b - a‖ / ‖a‖ (L2), over elements that are finite in both; null if only a is all zeros')
const nonFinite = z
  .object({ a: z.number().int(), b: z.number().int() })
  .describe('Number of NaN and infinite elements of each')

const tensorPair = z.object({
  a: z.string().describe('Name of the tensor in the first model'),
  b: z.string().describe('Name of the tensor in the second model'),
  dtype: z.string(),
  dims: z.array(z.number().int()),
  averaged: z.boolean().describe('True if a soup would average the pair: both are weights, and no rule skips them'),
  identical: z.boolean().describe('True if all bits are equal'),
  cosine,
  relativeDistance,
  nonFinite: nonFinite.nullable(),
})

const pair = z.object({
  a: z.string().describe('The base of the pair, named as in the request'),
  b: z.string().describe('The other model of the pair, named as in the request'),
  compatible: z.boolean().describe('True if the server would accept a merge of the two with a as base'),
  reasons: z
    .array(problem.shape.errors.element)
    .describe('Every difference that prevents a merge, in b unless another model is named; empty if compatible'),
  cosine,
  relativeDistance,
  totals: z.object({
    tensors: z.number().int().describe('Number of pairs of tensors'),
    identical: z.number().int().describe('Number of pairs whose bits are all equal'),
    averaged: z
      .number()
      .int()
      .describe('Number of pairs that a soup would average; a merge counts the identical ones of them as copied'),
    nonFinite,
  }),
  rules: z
    .array(ruleReport)
    .optional()
    .describe('Tensors and elements that each rule matched, in order; absent without rules'),
  warnings: z.array(z.string()).describe('Warnings about this pair'),
  tensors: z.array(tensorPair).describe('The pairs of tensors that differ most'),
  omitted: z.number().int().describe('Number of pairs of tensors that the list leaves out'),
})

export const comparisonResult = z
  .object({
    models: z.array(namedModel).optional().describe('The models of the request, in its order'),
    pairs: z.array(pair),
    warnings: z.array(z.string()).describe('Warnings about all pairs; each names its models'),
  })
  .meta({ id: 'ComparisonResult' })

export type ComparisonResult = z.infer<typeof comparisonResult>
