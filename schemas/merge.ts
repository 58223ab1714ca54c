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
} from './common.ts'
import { recalibrationRecipe, recalibrationReport, scoredRecalibration } from './recalibration.ts'

/** Most models in one merge. Each costs an open file and a chunk of memory. */
export const maximumModels = 1024

export const weight = z.number().describe('Any finite number, also negative')

/** Name of a merge method's parameter. Each method checks the names itself. */
const parameterName = z.string().min(1).max(64)

export const gradient = z
  .strictObject({
    gradient: z.array(z.number()).min(1).max(256),
    by: z
      .enum(['graph', 'block'])
      .optional()
      .describe(
        'Scale of positions. graph (the default): the place of the tensor’s operator among all operators with weights. block: the tensor’s block in a stack such as layers.0 to layers.11',
      ),
  })
  .describe(
    'A number that changes along the network, linearly between evenly spaced points. By graph: from the first operator with weights to the last. By block: from the first block to the last; tensors outside of blocks get the first point',
  )
  .meta({ id: 'Gradient' })

export const weightValue = z.union([weight, gradient], {
  error: 'is no finite number, and no gradient such as {"gradient": [0, 0.5, 1]}',
})

/** Parameters of any merge method. `GET /v1/methods` describes them; each number may be a gradient. */
export const methodParameters = z
  .record(parameterName, z.unknown())
  .meta({ merge: 'parameters', ...entriesAtMost(64) })
  .describe(
    'Parameters of the merge method. A number may be a gradient, {"gradient": [0, 0.5, 1]}; some parameters also take a list with one value for each model, in order',
  )

export const match = z
  .string()
  .min(1)
  .max(200)
  .describe(
    'A glob on the names of tensors, and of the nodes that read them, in any of the models. * stands for any characters, ? for one character; / and . are equal. GET /v1/models/{id}/tensors lists the names',
  )

export const weightRules = z.array(z.object({ match, weights: z.array(weight) }))

const tensorRule = z.strictObject({
  match,
  weights: z.array(weightValue).min(1).max(maximumModels).optional().describe('One weight for each model, in order'),
  parameters: methodParameters.optional(),
  skip: z
    .boolean()
    .optional()
    .describe(
      'Keep matching tensors of the base (or of the first model) unchanged. Other models may lack these tensors or have other dims: then the soup has the head of the base',
    ),
})

/** Most rules in one request. The server compares each rule with every name of every tensor. */
const maximumRules = 256

export const comparedRules = z
  .array(
    tensorRule.extend({
      parameters: z.record(parameterName, z.unknown()).optional().describe('Parameters of any merge method'),
    }),
  )
  .max(maximumRules)
  .describe('Rules of a merge, to see which tensors they match; a comparison ignores their weights and parameters')

export const tensorRules = z
  .array(
    tensorRule.refine(({ weights, parameters, skip }) => weights || parameters || skip !== undefined, {
      message: 'a rule gives weights, parameters or skip',
      path: ['weights'],
    }),
  )
  .max(maximumRules)
  .describe('Settings for some tensors: the first rule that matches one of a tensor’s names applies to it')

export const outputDtype = z
  .enum(['float32', 'float16', 'bfloat16', 'float64'])
  .describe(
    'Element type of the averaged tensors, rounded once from binary64. Every value of the graph that must share their type changes too, inputs and outputs included. Without it, each tensor keeps its type',
  )

export type OutputDtype = z.infer<typeof outputDtype>

export const onNonFinite = z
  .enum(['warn', 'fail'])
  .describe('Action if the soup, or a model with a weight other than 0, has NaN or infinite weights: warn or fail')

export type OnNonFinite = z.infer<typeof onNonFinite>

/** Settings that merges, one-shot soups and searches share. */
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
      'True: divide by the sum of the weights; false: only scale and add. Without it, the merge method decides: linear divides',
    ),
  nonFloat: z
    .enum(['error', 'base'])
    .default('error')
    .describe(
      'Action for values that are never averaged and differ between models: integers, bools, strings, parameters such as the scales of a Resize. error: refuse the merge; base: take the values of the base and list each in the report',
    ),
  rules: tensorRules.default([]),
  outputDtype: outputDtype.optional(),
  onNonFinite: onNonFinite.default('warn'),
  provenance: z.boolean().default(true).describe("True: write the recipe into the soup's metadata"),
  blocks: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      'Number of blocks that a stack of the network must have, such as 12 for layers.0 to layers.11; the server refuses other networks',
    ),
  notes: z
    .array(z.string().max(500))
    .max(64)
    .optional()
    .describe(
      'Sentences to add to the warnings of the report, such as settings of a converted document that have no effect',
    ),
}

/** The Fisher information of one model, for the merge method fisher. */
export const fisherReference = reference
  .optional()
  .describe('Merge method fisher only: a model of the same network that holds Fisher information instead of weights')

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
        'The model whose file, names and interface the soup has; the first model if left out. Methods that merge changes compute them against the base',
      ),
    ...mergeSettings,
    recalibrate: scoredRecalibration.optional(),
    name: name.optional(),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds from the end of the job until its record and the new model expire'),
  })
  .meta({ id: 'ResolvedMergeRequest' })

export type MergeRequest = z.infer<typeof mergeRequest>

/** A merge request as clients send it: a label may select its models. */
export const mergeBody = mergeRequest
  .extend({ models: z.union([mergeRequest.shape.models, modelSelection]) })
  .meta({ id: 'MergeRequest' })

export type MergeBody = z.infer<typeof mergeBody>

/** The operation that starts merges. */
export const mergeOperation = {
  operationId: 'createMerge',
  summary: 'Merge stored models',
  description: 'A job that makes a new model from stored ones. The body may also be a mergekit configuration.',
  tags: ['soups'],
  body: mergeBody,
}

/** A soup's recipe as a document: a merge request that names its models by digest. */
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
    export: digest
      .optional()
      .describe(
        'Only of a model of a conversion: the export. Its base is the model of the export, its model the checkpoint',
      ),
  })
  .meta({ id: 'Recipe' })

export type StoredRecipe = z.infer<typeof recipe>

/** Number of tensors and elements that a rule or group matched. */
export const ruleReport = z
  .object({
    match: z.string(),
    tensors: z.number().int().describe('Number of averaged tensors that it applies to'),
    elements: z.number().int().describe('Number of elements of these tensors'),
    overruled: z.number().int().describe('Number of further tensors that it matches, but an earlier one applies to'),
  })
  .meta({ id: 'RuleReport' })

export const mergeResult = z
  .object({
    model: z.object({ id, name: resultName, sha256: digest, bytes: z.number().int() }),
    models: z.array(namedModel).optional().describe('The models of the request, in its order'),
    report: z.object({
      tensors: z.object({
        averaged: z.number().int().describe('Number of tensors that the merge method computed'),
        copied: z
          .number()
          .int()
          .describe('Number of float tensors that are equal in every model, skipped, or copied from one model'),
        nonFloat: z.number().int().describe('Number of all other tensors, which come from the base'),
      }),
      nonFinite: z.number().int().describe('Number of NaN and infinite elements in the float initializers of the soup'),
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
              coefficients: z.array(z.number()).nullable().optional().describe('Factor of each model, in order'),
              kept: z.array(z.number().int()).optional().describe('Number of changes of each model that were kept'),
              signConflicts: z.number().int().optional().describe('Number of elements whose changes have both signs'),
            }),
          ),
          omitted: z.number().int().describe('Number of tensors that the list leaves out'),
          totals: z.object({
            elements: z.number().int(),
            kept: z.array(z.number().int()).optional(),
            signConflicts: z.number().int().optional(),
          }),
        })
        .optional()
        .describe('Facts that the merge method found about each tensor; absent if it finds none'),
      seconds: z.number().describe('Seconds that the merge took'),
      bytesRead: z.number().int().describe('Bytes read from the files of the models'),
      bytesWritten: z.number().int().describe('Bytes of the soup'),
      warnings: z
        .array(z.string())
        .describe('Warnings, such as names that differ between models or contradict the pairing of their tensors'),
      fromBase: z
        .object({
          values: z.array(
            z.object({
              tensor: z.string().describe('Name of the tensor in the base'),
              node: z.string().optional().describe('The node that holds the value, or reads it as a parameter'),
              model: z.string().describe('The model with another value'),
              base: z.string().describe('Some elements of the value in the base, such as [2, 2, ...]'),
              other: z.string().describe('The same elements of the value in the model'),
            }),
          ),
          omitted: z.number().int().describe('Number of values that the list leaves out'),
        })
        .optional()
        .describe(
          'Values that are never averaged and differ between models; "nonFloat": "base" took the ones of the base',
        ),
      rules: z
        .array(ruleReport)
        .optional()
        .describe('Tensors and elements that each rule matched, in order; absent without rules'),
      recalibration: recalibrationReport.optional(),
    }),
  })
  .meta({ id: 'MergeResult' })

export type MergeResult = z.infer<typeof mergeResult>
