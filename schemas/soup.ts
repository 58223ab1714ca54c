import { z } from 'zod'
import { decimal, digest } from './common.ts'
import { maximumModels, mergeResult, mergeSettings, weight, weightValue } from './merge.ts'

/** The recipe of a one-shot soup. Its models are the uploaded model parts, in order. */
export const soupRecipe = z
  .strictObject({
    weights: z.array(weightValue).max(maximumModels).optional().describe('One weight for each model part, in order'),
    models: z
      .array(z.strictObject({ id: digest.optional(), weight: weightValue.default(1), fisher: digest.optional() }))
      .max(maximumModels)
      .optional()
      .describe(
        'Instead of weights: one item for each model part, in order; the server checks digests against the content',
      ),
    base: digest
      .optional()
      .describe('Digest of the part whose file, names and interface the soup has: a model part or the base part'),
    ...mergeSettings,
  })
  .refine(({ weights, models }) => !weights || !models, {
    message: 'give weights or models, not both',
    path: ['weights'],
  })
  .meta({ id: 'SoupRecipe' })

export type SoupRecipe = z.infer<typeof soupRecipe>

/** The report of a one-shot soup: the report of a merge, and the digest and size of the file. */
export const soupReport = mergeResult.shape.report
  .omit({ recalibration: true })
  .extend({ sha256: digest.describe('Digest of the soup'), bytes: z.number().int().describe('Bytes of the soup') })
  .meta({ id: 'SoupReport' })

export type SoupReport = z.infer<typeof soupReport>

/** Weights as a query or the parts of a form have them: numbers with commas between them, in one text or in several. */
export const weightTexts = z.union([z.string(), z.array(z.string())]).transform((texts, context) => {
  const parsed = z.array(weight).safeParse([texts].flat().join().split(',').map(decimal))
  if (parsed.success) return parsed.data
  context.addIssue({ code: 'custom', message: 'weights are finite numbers with commas between them, such as 2,3' })
  return z.NEVER
})

export const soupParameters = z.strictObject({
  report: z.literal('only').optional().describe('only: answer with the report as JSON instead of the file'),
  weights: weightTexts
    .optional()
    .describe('One weight for each model part, in order, such as 2,3; a request may repeat the parameter instead'),
})
