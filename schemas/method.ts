import { z } from 'zod'

/** A merge method as it is listed. */
export const methodRecord = z
  .object({
    name: z.string(),
    description: z.string(),
    formula: z
      .string()
      .describe('x_i the models, b the base, d_i = x_i - b, w_i the weights; in binary64, rounded once'),
    source: z.string(),
    parameters: z
      .record(z.string(), z.unknown())
      .describe('JSON Schema; each number that need not be whole may also be a gradient'),
    models: z.object({
      min: z.number().int(),
      max: z.number().int().nullable().describe('Null: as many as a merge takes'),
    }),
    needsBase: z.boolean(),
    base: z
      .enum(['none', 'optional', 'required'])
      .describe('Use of the base in the computation, apart from being the file of the result'),
    needsFisher: z.boolean().describe('True if each model comes with its Fisher information'),
    weights: z.boolean().describe('True if models have weights'),
    normalize: z.boolean().nullable().describe('Default of "normalize"; null if the merge method has no such choice'),
    needs: z
      .array(z.enum(['gram', 'threshold', 'ranks', 'random']))
      .describe('Facts that are found about a whole tensor, or drawn, before its elements are computed'),
  })
  .meta({ id: 'MergeMethod' })

export const methodList = z.object({ items: z.array(methodRecord) })
