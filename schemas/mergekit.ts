import { z } from 'zod'
import { reference } from './common.ts'
import { outputDtype } from './merge.ts'

const scalar = z.union([z.number(), z.boolean(), z.string()])
const gradient = z.array(z.number()).min(1).max(1024)
const conditions = z
  .array(z.strictObject({ filter: z.string().min(1).max(198).optional(), value: z.union([scalar, gradient]) }))
  .min(1)
  .max(256)

/** A value as mergekit has them: for all tensors, along the layers, or by filters on tensor names of which the first that fits holds. */
export const mergekitValue = z.union([scalar, gradient, conditions], {
  error: 'is no finite number, no truth value, no text, no list of numbers and no list of {filter, value}',
})

export type MergekitValue = z.infer<typeof mergekitValue>

/** Without any, mergekit takes null as well. */
const parameters = z.record(z.string(), mergekitValue)

export type MergekitParameters = z.infer<typeof parameters>

/** The part of mergekit's configuration that says which models are merged how; models are named as in the store. */
export const mergekitConfig = z
  .strictObject({
    merge_method: z.string().min(1).max(100),
    models: z
      .array(z.strictObject({ model: reference, parameters: parameters.nullish() }))
      .min(1)
      .max(1024),
    base_model: reference.nullish(),
    parameters: parameters.nullish(),
    dtype: outputDtype.nullish(),
    out_dtype: outputDtype.nullish(),
  })
  .meta({ id: 'MergekitConfig' })

export type MergekitConfig = z.infer<typeof mergekitConfig>
