import { z } from 'zod'
import { checkpointDescription } from './checkpoint.ts'
import {
  bytesParameters,
  createdParameters,
  digest,
  digestParameter,
  expiresAt,
  id,
  labelParameters,
  labels,
  name,
  page,
  pageParameters,
  recordParameters,
  recordSort,
  reference,
  timestamp,
  unreadable,
} from './common.ts'
import { weightValue } from './merge.ts'

const value = z.object({
  name: z.string(),
  dtype: z.string(),
  dims: z
    .array(z.union([z.number().int(), z.string(), z.null()]))
    .nullable()
    .describe('One item for each dim: its size, its symbolic name, or null if it is open; null if the rank is open'),
})

export const lineage = z.object({
  method: z.string(),
  inputs: z.array(z.object({ sha256: digest, weight: weightValue })),
  base: digest,
  normalize: z
    .boolean()
    .optional()
    .describe('True if the weights were divided by their sum; absent if the merge method has no such choice'),
})

const modelKind = z.enum(['model', 'checkpoint'])

export const model = z
  .object({
    id,
    kind: modelKind.default('model').describe('checkpoint: weights of a training run, without a graph'),
    name: name.nullable(),
    labels,
    sha256: digest.describe(
      'Digest of the file. With external data: digest of the JSON list of [location, bytes, sha256] of all files, sorted by location; the model file has an empty location. Of a checkpoint with a root that is not the first of its roots: digest of such a list with {root} at its end',
    ),
    bytes: z.number().int().describe('Bytes of all files together'),
    files: z
      .array(z.object({ location: z.string(), bytes: z.number().int(), sha256: digest }))
      .describe('Stored files: the model’s own, whose location is empty, and its external data'),
    status: z.enum(['complete', 'incomplete']).describe('incomplete while external data is missing'),
    missing: z.array(z.string()).describe('Locations of external data that the model needs and the store lacks'),
    irVersion: z.number().int().nullable().describe('Null for a checkpoint'),
    producer: z.string().nullable(),
    opsets: z.array(z.object({ domain: z.string(), version: z.number().int() })),
    inputs: z.array(value),
    outputs: z.array(value),
    parameters: z
      .number()
      .int()
      .describe('Number of elements in the float tensors that soups average; scalars of an ONNX model are left out'),
    tensorCount: z.number().int().describe('Number of all tensors'),
    dtypes: z.record(z.string(), z.number().int()).describe('Number of tensors by element type'),
    fingerprint: digest
      .nullable()
      .describe(
        'Digest of the network without its weights and names: models with equal fingerprints are variants of one network. Of a checkpoint: digest of keys, types and dims. Null while external data is missing',
      ),
    checkpoint: checkpointDescription.nullable().default(null).describe('Facts about a checkpoint; null for a model'),
    createdAt: timestamp,
    expiresAt,
    lineage: lineage.nullable().describe('Job and recipe that made the model; null if it was uploaded'),
  })
  .meta({ id: 'Model' })

export type ModelRecord = z.infer<typeof model>

/** Answer to an upload: `created` is false if the same bytes already had a record with this name and these labels. */
export const modelUpload = z.object({ model, created: z.boolean() })

export type ModelUpload = z.infer<typeof modelUpload>

/** The readable fields of a model whose record is damaged on disk. */
export const unreadableModel = z
  .object({
    id,
    name: z.string().nullable(),
    labels,
    sha256: digest.nullable(),
    createdAt: timestamp.nullable(),
    expiresAt,
    unreadable,
  })
  .meta({ id: 'UnreadableModel' })

export type UnreadableModel = z.infer<typeof unreadableModel>

export const modelItem = z.union([model, unreadableModel])

export type ModelItem = z.infer<typeof modelItem>

export const modelPage = page(modelItem).meta({ id: 'ModelPage' })

export const tensor = z.object({
  name: z.string(),
  dtype: z.string(),
  dims: z.array(z.number().int()),
  bytes: z.number().int().describe('Bytes of the values'),
  storage: z
    .enum(['raw', 'typed', 'external', 'none'])
    .describe('Place of the values: raw_data, a typed field such as float_data, an external file, or none'),
  where: z.string().describe('Place of the tensor in the graph, such as graph.initializer[3]'),
  names: z
    .array(z.string())
    .describe(
      'Names that a glob of a rule can match, at most 256: the tensor’s own, those of the nodes that read it, and one from its module if an exporter replaced its own name',
    ),
})

export const tensorPage = page(tensor).meta({ id: 'TensorPage' })

const ofFinite = (words: string) =>
  z.number().nullable().describe(`${words} of the finite elements; null if there are none, or if it is beyond binary64`)

/** A summary of the elements of one tensor. */
export const tensorSummary = z
  .object({
    ...tensor.pick({ name: true, dtype: true, dims: true, where: true }).shape,
    elements: z.number().int(),
    nonFinite: z.number().int().describe('Number of NaN and infinite elements'),
    min: ofFinite('Smallest'),
    max: ofFinite('Largest'),
    mean: ofFinite('Mean'),
    standardDeviation: ofFinite('Standard deviation'),
    norm: ofFinite('L2 norm'),
    bins: z
      .array(z.number().int())
      .length(64)
      .describe(
        'Number of finite elements in each of 64 ranges of equal width from min to max; the first has all if they are equal',
      ),
  })
  .meta({ id: 'TensorSummary' })

export type TensorSummary = z.infer<typeof tensorSummary>

export const tensorSummaryParameters = z.strictObject({
  tensor: z
    .string()
    .min(1)
    .max(10_000)
    .describe('Name of the tensor; its place, such as graph.initializer[3], if it has no name or shares it'),
})

/** Place of the dict of tensors in a checkpoint of PyTorch. */
const root = z
  .string()
  .max(1000)
  .optional()
  .describe(
    'Only for a file of torch.save: the place of the dict of tensors, keys joined by /, or an empty text for the top level. By default the first of state_dict, model, model_state_dict, model_ema and ema, then the top level',
  )

export const uploadParameters = recordParameters.extend({ root })

export type UploadParameters = z.infer<typeof uploadParameters>

export const putParameters = uploadParameters.extend({ name })

export const modelFilters = z.strictObject({
  ...pageParameters,
  sort: recordSort,
  name: name.optional(),
  label: labelParameters,
  ...createdParameters,
  ...bytesParameters,
  fingerprint: digestParameter.optional(),
  sha256: digestParameter.optional(),
  kind: modelKind.optional().describe('Only models, or only checkpoints; both by default'),
})

/** `*`: the location of a data file as the model writes it, with its slashes. */
export const dataParameters = z.object({ id: reference, '*': z.string().min(1).max(4096) })

/** `filename`: any name. The server sends the content under it. */
export const namedContentParameters = z.object({
  id: reference,
  filename: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^/\\]+$/, 'a file name has no slashes')
    .describe('Any file name, such as model.onnx, for clients that name a file after the last part of its address'),
})

export const contentParameters = z.strictObject({
  external: z
    .enum(['inline'])
    .optional()
    .describe('inline: one file with the external data inside, if that is below 2 GiB; otherwise the model’s own file'),
  format: z
    .enum(['safetensors'])
    .optional()
    .describe(
      'Only for checkpoints: the dict of tensors as one safetensors file, also of a file of torch.save or of shards',
    ),
})

export type ModelContentParameters = z.infer<typeof contentParameters>

export const tensorParameters = z.strictObject(pageParameters)
