import { z } from 'zod'
import { digest, id, labels, name, reference, waitSeconds } from './common.ts'
import { recalibrationRecipe, recalibrationReport, scoredRecalibration } from './recalibration.ts'

/** Models in one merge. Each costs an open file and a chunk of memory. */
export const maximumModels = 1024

export const weight = z.number().describe('Any finite number, also negative')

export const weightRules = z
  .array(
    z.strictObject({
      match: z
        .string()
        .min(1)
        .max(200)
        .describe('A glob on names of initializers: * stands for any characters, ? for one'),
      weights: z.array(weight).min(1).max(maximumModels).describe('One for each model, in order'),
    }),
  )
  .max(256)
  .describe('Other weights for some tensors: for each, those of the first rule that matches its name')

/** What merges, one-shot soups and searches have in common. */
export const mergeSettings = {
  method: z.literal('linear').default('linear'),
  parameters: z.strictObject({}).default({}).describe("The method's parameters; linear has none"),
  normalize: z.boolean().default(true).describe('Divide by the sum of the weights; false: only add and scale'),
  nonFloat: z
    .enum(['error', 'base'])
    .default('error')
    .describe('What to do when integer, bool or string initializers differ: refuse, or take those of the base'),
  rules: weightRules.default([]),
  provenance: z.boolean().default(true).describe("Write the recipe into the soup's metadata"),
}

export const mergeRequest = z
  .strictObject({
    models: z
      .array(z.strictObject({ id: reference, weight: weight.default(1) }))
      .min(1)
      .max(maximumModels),
    base: reference.optional().describe('The model whose file the result is made from; the first one if left out'),
    ...mergeSettings,
    recalibrate: scoredRecalibration.optional(),
    name: name.optional(),
    labels: labels.default({}),
  })
  .meta({ id: 'MergeRequest' })

export type MergeRequest = z.infer<typeof mergeRequest>

/** A soup's recipe as a document: a merge request whose models are named by digest. */
export const recipe = z
  .object({
    method: z.literal('linear'),
    models: z.array(z.object({ id: digest, weight })),
    base: digest.optional(),
    normalize: z.boolean(),
    rules: weightRules.optional(),
    nonFloat: z.enum(['error', 'base']),
    provenance: z.boolean(),
    recalibrate: recalibrationRecipe.optional(),
  })
  .meta({ id: 'Recipe' })

export const mergeResult = z
  .object({
    model: z.object({ id, sha256: digest, bytes: z.number().int() }),
    report: z.object({
      tensors: z.object({
        averaged: z.number().int().describe('Tensors that were computed'),
        copied: z.number().int().describe('Float tensors that are the same in every model'),
        nonFloat: z.number().int().describe("All other tensors: the base's"),
      }),
      nonFinite: z.number().int().describe('NaN and infinite elements among the float initializers of the result'),
      seconds: z.number(),
      bytesRead: z.number().int(),
      bytesWritten: z.number().int(),
      warnings: z
        .array(z.string())
        .describe(
          'What someone should know of how the models were paired: names that differ or contradict, sizes of inputs',
        ),
      recalibration: recalibrationReport.optional(),
    }),
  })
  .meta({ id: 'MergeResult' })

export type MergeResult = z.infer<typeof mergeResult>

export const mergeParameters = z.strictObject({ wait: waitSeconds })

/** The recipe of a one-shot soup: its models are the uploaded ones, in order. */
export const soupRecipe = z
  .strictObject({
    weights: z.array(weight).max(maximumModels).optional().describe('One for each model part, in order'),
    models: z
      .array(z.strictObject({ id: digest.optional(), weight: weight.default(1) }))
      .max(maximumModels)
      .optional()
      .describe('Instead of weights: one for each model part, in order; an id is checked against its content'),
    base: digest.optional(),
    ...mergeSettings,
  })
  .refine(({ weights, models }) => !weights || !models, {
    message: 'give weights or models, not both',
    path: ['weights'],
  })

export type SoupRecipe = z.infer<typeof soupRecipe>

/** A number as JSON and people write it; not hexadecimal, not nothing. */
function decimal(text: string): number {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN
}

export const soupParameters = z.strictObject({
  weights: z
    .string()
    .transform((text, context) => {
      const parsed = z.array(weight).safeParse(text.split(',').map(decimal))
      if (parsed.success) return parsed.data
      context.addIssue({ code: 'custom', message: 'weights are finite numbers with commas between them, such as 2,3' })
      return z.NEVER
    })
    .optional()
    .describe('One for each model part, in order, such as 2,3'),
})
