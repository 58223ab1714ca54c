import { z } from 'zod'

/** A merge method in the list of merge methods. */
export const methodRecord = z
  .object({
    name: z.string(),
    description: z.string(),
    formula: z
      .string()
      .describe('Formula with models x_i, base b, changes d_i = x_i - b and weights w_i; in binary64, rounded once'),
    source: z.string().describe('Paper or program that defines the merge method'),
    parameters: z
      .record(z.string(), z.unknown())
      .describe('JSON Schema of the parameters; each number that need not be whole may also be a gradient'),
    models: z.object({
      min: z.number().int().describe('Least number of models'),
      max: z.number().int().nullable().describe('Most models; null: as many as a merge takes'),
    }),
    needsBase: z.boolean().describe('True if a request must name a base'),
    base: z
      .enum(['none', 'optional', 'required'])
      .describe('Use of the base in the computation; in any case the soup has the file of the base'),
    needsFisher: z.boolean().describe('True if each model comes with its Fisher information'),
    weights: z.boolean().describe('True if models have weights'),
    normalize: z.boolean().nullable().describe('Default of "normalize"; null if the merge method has no such choice'),
    needs: z
      .array(z.enum(['gram', 'threshold', 'ranks', 'random']))
      .describe('Facts about a whole tensor, and random numbers, that are computed before its elements'),
  })
  .meta({ id: 'MergeMethod' })

export const methodList = z.object({ items: z.array(methodRecord) }).meta({ id: 'MergeMethodList' })
