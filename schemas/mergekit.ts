import { z } from 'zod'
import { decimal, entriesAtMost, reference } from './common.ts'
import { outputDtype } from './merge.ts'

/** A number as mergekit takes it: true is 1, false is 0, and a text may write a decimal number. */
const scalar = z.union([z.number(), z.boolean(), z.string().transform(decimal).pipe(z.number())])

/** Refuses a list by its first item alone if it is of another form: a union tries each form, and would find a mistake in every item. */
const listOf = (isItem: (first: unknown) => boolean) => (value: unknown, context: z.RefinementCtx) => {
  if (Array.isArray(value) && value.length > 0 && !isItem(value[0])) {
    context.addIssue('is another kind of list')
    return z.NEVER
  }
  return value
}
const isObject = (first: unknown) => typeof first === 'object'

const gradient = z.preprocess(
  listOf(first => !isObject(first)),
  z.array(scalar.transform(Number)).min(1).max(256),
)
const conditions = z.preprocess(
  listOf(isObject),
  z
    .array(z.strictObject({ filter: z.string().max(198).nullish(), value: z.union([scalar, gradient]) }))
    .min(1)
    .max(256),
)

/** A value of a mergekit parameter: one number for all tensors, a list along the blocks, or values by filters on tensor names. */
export const mergekitValue = z.union([scalar, conditions, gradient], {
  error: 'is no finite number, no truth value, no list of numbers and no list of {filter, value}',
})

export type MergekitValue = z.infer<typeof mergekitValue>

/** Parameters of a mergekit document, which may also be null. */
const parameters = z.record(z.string(), mergekitValue).meta(entriesAtMost(64)).nullish()

export type MergekitParameters = NonNullable<z.infer<typeof parameters>>

const dtype = z
  .string()
  .transform(text => text.replace(/^torch\./, ''))
  .pipe(outputDtype)
  .nullish()

const models = z
  .array(z.strictObject({ model: reference, parameters }))
  .min(1)
  .max(1024)

const layer = scalar.transform(Number).pipe(z.number().int().min(0))

/** Some layers of the result, and the layers of each model that they are merged from. */
const slice = z.strictObject({
  sources: z
    .array(z.strictObject({ model: reference, layer_range: z.tuple([layer, layer]), parameters }))
    .min(1)
    .max(1024),
  base_model: reference.nullish(),
  parameters,
})

/**
 * The tokenizer that mergekit builds, which an ONNX file has no place for. Embeddings of single tokens and padding of the vocabulary
 * are refused, since they would change weights.
 */
const tokenizer = z.strictObject({ source: z.unknown().optional(), tokens: z.strictObject({}).nullish() }).partial()

/** A configuration of mergekit. It names models by id or digest, or by the names of the parts of a form. */
export const mergekitConfig = z
  .strictObject({
    merge_method: z.string().min(1).max(100),
    models: models.nullish(),
    slices: z.array(slice).max(256).nullish(),
    base_model: reference.nullish(),
    parameters,
    dtype,
    out_dtype: dtype,
    tokenizer_source: z.unknown().optional(),
    tokenizer: tokenizer.nullish(),
    chat_template: z.unknown().optional(),
  })
  .meta({ id: 'MergekitConfig' })

export type MergekitConfig = z.infer<typeof mergekitConfig>
