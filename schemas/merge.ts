import { z } from 'zod'
import {
  digest,
  entriesAtMost,
  id,
  labels,
  modelSelection,
  name,
  namedModel,
  reference,
  resultName,
  ttl,
  waitSeconds,
} from './common.ts'
import { recalibrationRecipe, recalibrationReport, scoredRecalibration } from './recalibration.ts'

/** Models in one merge. Each costs an open file and a chunk of memory. */
export const maximumModels = 1024

export const weight = z.number().describe('Any finite number, also negative')

/** Names of parameters of methods; which there are is the method's to say. */
const parameterName = z.string().min(1).max(64)

export const gradient = z
  .strictObject({
    gradient: z.array(z.number()).min(1).max(256),
    by: z
      .enum(['graph', 'block'])
      .optional()
      .describe(
        'Position of a tensor: its operator among all operators with weights (graph, the default), or its block in a stack of repeated blocks such as layers.0 to layers.11 (block)',
      ),
  })
  .describe(
    'A number that changes along the network, in straight lines between the given points. By graph: the first at the first operator with weights, the last at the last. By block: the first at the first block and outside of blocks, the last at the last block',
  )
  .meta({ id: 'Gradient' })

export const weightValue = z.union([weight, gradient], {
  error: 'is no finite number, and no gradient such as {"gradient": [0, 0.5, 1]}',
})

/** Parameters of whatever method, as `GET /v1/methods` describes them; each number may be a gradient. */
export const methodParameters = z
  .record(parameterName, z.unknown())
  .meta({ merge: 'parameters', ...entriesAtMost(64) })
  .describe(
    'The method’s parameters; numbers may be gradients: {"gradient": [0, 0.5, 1]}, and some may be lists of one for each model, in order',
  )

export const match = z
  .string()
  .min(1)
  .max(200)
  .describe(
    'A glob on the names of tensors and of the nodes that read them, in any of the models: * stands for any characters, ? for one, / and . are alike. GET /v1/models/{id}/tensors lists the names',
  )

export const weightRules = z.array(z.object({ match, weights: z.array(weight) }))

const tensorRule = z.strictObject({
  match,
  weights: z.array(weightValue).min(1).max(maximumModels).optional().describe('One for each model, in order'),
  parameters: methodParameters.optional(),
  skip: z
    .boolean()
    .optional()
    .describe(
      'Keep such tensors of the base, or of the first model. They may have other dims in the other models, or be missing there: the head that they belong to is then the base’s',
    ),
})

/** Rules in one request. Each is held against every name of every tensor. */
const maximumRules = 256

export const comparedRules = z
  .array(
    tensorRule.extend({
      parameters: z.record(parameterName, z.unknown()).optional().describe('Parameters of any merge method'),
    }),
  )
  .max(maximumRules)
  .describe('Rules of a merge to try, with or without their weights and parameters, which no comparison looks at')

export const tensorRules = z
  .array(
    tensorRule.refine(({ weights, parameters, skip }) => weights || parameters || skip !== undefined, {
      message: 'a rule gives weights, parameters or skip',
      path: ['weights'],
    }),
  )
  .max(maximumRules)
  .describe('Other settings for some tensors: for each, those of the first rule that matches one of its names')

export const outputDtype = z
  .enum(['float32', 'float16', 'bfloat16', 'float64'])
  .describe(
    'The type of the averaged tensors, rounded to once from what is computed in binary64; what has one type with them in the graph changes as well, inputs and outputs included. If left out, each stays of the type that it has',
  )

export type OutputDtype = z.infer<typeof outputDtype>

export const onNonFinite = z
  .enum(['warn', 'fail'])
  .describe('Action if a model that takes part, or the soup, holds NaN or infinite weights: warn or fail')

export type OnNonFinite = z.infer<typeof onNonFinite>

/** What merges, one-shot soups and searches have in common. */
export const mergeSettings = {
  method: z
    .string()
    .max(64)
    .meta({ merge: 'method' })
    .default('linear')
    .describe('Name of the merge method; GET /v1/methods lists all'),
  parameters: methodParameters.default({}),
  normalize: z
    .boolean()
    .optional()
    .describe(
      'Divide by the sum of the weights, or only add and scale; as the method does if left out: linear divides',
    ),
  nonFloat: z
    .enum(['error', 'base'])
    .default('error')
    .describe(
      'Action for values that are never averaged and differ between models (integers, bools, strings, parameters such as the scales of a Resize): refuse the merge, or take those of the base and list each in the report',
    ),
  rules: tensorRules.default([]),
  outputDtype: outputDtype.optional(),
  onNonFinite: onNonFinite.default('warn'),
  provenance: z.boolean().default(true).describe("Write the recipe into the soup's metadata"),
  blocks: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      'Blocks that the network must have in one stack, such as 12 for layers.0 to layers.11; a network with another number is refused',
    ),
  notes: z
    .array(z.string().max(500))
    .max(64)
    .optional()
    .describe('Sentences for the warnings of the report, such as what a converted document has that changes nothing'),
}

/** Of the method fisher, beside the id of each model. */
export const fisherReference = reference
  .optional()
  .describe('Merge method fisher only: a model of the same network that holds Fisher information in place of weights')

export const mergeRequest = z
  .strictObject({
    models: z
      .array(
        z.strictObject({
          id: reference,
          weight: weightValue.default(1),
          fisher: fisherReference,
        }),
      )
      .min(1)
      .max(maximumModels),
    base: reference
      .optional()
      .describe(
        'The model whose file the result is made from (the first one if left out), and whose changes the method merges if it is one for changes of a base',
      ),
    ...mergeSettings,
    recalibrate: scoredRecalibration.optional(),
    name: name.optional(),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds after its end that the job expires, and the model that it makes with it'),
  })
  .meta({ id: 'ResolvedMergeRequest' })

export type MergeRequest = z.infer<typeof mergeRequest>

/** A merge request as it is sent: its models may be selected by label. */
export const mergeBody = mergeRequest
  .extend({ models: z.union([mergeRequest.shape.models, modelSelection]) })
  .meta({ id: 'MergeRequest' })

export type MergeBody = z.infer<typeof mergeBody>

/** A soup's recipe as a document: a merge request whose models are named by digest. */
export const recipe = z
  .object({
    method: z.string(),
    parameters: methodParameters.optional(),
    models: z.array(z.object({ id: digest, weight: weightValue, fisher: digest.optional() })),
    base: digest.optional(),
    normalize: z.boolean().optional(),
    rules: tensorRules.optional(),
    outputDtype: outputDtype.optional(),
    onNonFinite: onNonFinite.optional(),
    nonFloat: z.enum(['error', 'base']),
    provenance: z.boolean(),
    recalibrate: recalibrationRecipe.optional(),
  })
  .meta({ id: 'Recipe' })

/** What a rule or group has met. */
export const ruleReport = z
  .object({
    match: z.string(),
    tensors: z.number().int().describe('Averaged tensors that it holds for'),
    elements: z.number().int().describe('Elements of these tensors'),
    overruled: z.number().int().describe('Tensors that it matches as well, and an earlier one holds for'),
  })
  .meta({ id: 'RuleReport' })

export const mergeResult = z
  .object({
    model: z.object({ id, name: resultName, sha256: digest, bytes: z.number().int() }),
    models: z.array(namedModel).optional().describe('The models of the request, in its order'),
    report: z.object({
      tensors: z.object({
        averaged: z.number().int().describe('Tensors that were computed'),
        copied: z
          .number()
          .int()
          .describe('Float tensors that are the same in every model, or were skipped or copied from one'),
        nonFloat: z.number().int().describe("All other tensors: the base's"),
      }),
      nonFinite: z.number().int().describe('NaN and infinite elements among the float initializers of the result'),
      method: z
        .object({
          tensors: z.array(
            z.object({
              tensor: z.string(),
              elements: z.number().int(),
              cosine: z
                .number()
                .nullable()
                .optional()
                .describe('Cosine of the angle between models, or the mean of several'),
              t: z.number().optional().describe('Position between the base (0) and the mean (1)'),
              coefficients: z.array(z.number()).nullable().optional().describe('Factor of each model'),
              kept: z.array(z.number().int()).optional().describe('Number of changes of each model that were kept'),
              signConflicts: z.number().int().optional().describe('Elements with changes of either sign'),
            }),
          ),
          omitted: z.number().int().describe('Tensors that the list leaves out'),
          totals: z.object({
            elements: z.number().int(),
            kept: z.array(z.number().int()).optional(),
            signConflicts: z.number().int().optional(),
          }),
        })
        .optional()
        .describe('Facts that the merge method found, if it finds any'),
      seconds: z.number(),
      bytesRead: z.number().int(),
      bytesWritten: z.number().int(),
      warnings: z
        .array(z.string())
        .describe('Warnings about the pairing of the models: names that differ or contradict, sizes of inputs'),
      fromBase: z
        .object({
          values: z.array(
            z.object({
              tensor: z.string().describe('Its name in the base'),
              node: z.string().optional().describe('The node that holds it or that it is a parameter of'),
              model: z.string().describe('The model that holds another value'),
              base: z.string().describe("Some elements of the base's, such as [2, 2, ...]"),
              other: z.string().describe("The same elements of the model's"),
            }),
          ),
          omitted: z.number().int().describe('Values that the list leaves out'),
        })
        .optional()
        .describe('Values that differ and are never averaged, where nonFloat: base took those of the base'),
      rules: z
        .array(ruleReport)
        .optional()
        .describe('Tensors and elements that each rule matched, in order; absent without rules'),
      recalibration: recalibrationReport.optional(),
    }),
  })
  .meta({ id: 'MergeResult' })

export type MergeResult = z.infer<typeof mergeResult>

export const mergeParameters = z.strictObject({ wait: waitSeconds })

/** The recipe of a one-shot soup: its models are the uploaded ones, in order. */
export const soupRecipe = z
  .strictObject({
    weights: z.array(weightValue).max(maximumModels).optional().describe('One for each model part, in order'),
    models: z
      .array(z.strictObject({ id: digest.optional(), weight: weightValue.default(1), fisher: digest.optional() }))
      .max(maximumModels)
      .optional()
      .describe('Instead of weights: one for each model part, in order; digests are checked against the content'),
    base: digest
      .optional()
      .describe('The digest of a model part, or of the base part: whose file the soup is made from'),
    ...mergeSettings,
  })
  .refine(({ weights, models }) => !weights || !models, {
    message: 'give weights or models, not both',
    path: ['weights'],
  })
  .meta({ id: 'SoupRecipe' })

export type SoupRecipe = z.infer<typeof soupRecipe>

/** What a one-shot soup answers with beside the file: what a merge would report, and what the file is. */
export const soupReport = mergeResult.shape.report
  .omit({ recalibration: true })
  .extend({ sha256: digest.describe('Digest of the soup'), bytes: z.number().int().describe('Bytes of the soup') })
  .meta({ id: 'SoupReport' })

export type SoupReport = z.infer<typeof soupReport>

/** The number that a text is, as JSON and people write it; NaN for hexadecimal, for nothing and for any other text. */
export function decimal(text: string): number {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN
}

export const soupParameters = z.strictObject({
  report: z.literal('only').optional().describe('Answer with the report as JSON instead of the file'),
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
