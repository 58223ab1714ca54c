import { z } from 'zod'
import {
  digest,
  digestParameter,
  expiresAt,
  id,
  labelParameters,
  labels,
  name,
  page,
  pageParameters,
  reference,
  timestamp,
  ttlParameter,
  unreadable,
} from './common.ts'
import { weightValue } from './merge.ts'

const value = z.object({
  name: z.string(),
  dtype: z.string(),
  dims: z
    .array(z.union([z.number().int(), z.string(), z.null()]))
    .nullable()
    .describe('Each a size, a symbolic name, or null where it is open; null if the rank is'),
})

export const lineage = z.object({
  method: z.string(),
  inputs: z.array(z.object({ sha256: digest, weight: weightValue })),
  base: digest,
  normalize: z.boolean().optional().describe('Present if the merge method has the choice'),
})

export const model = z
  .object({
    id,
    name: name.nullable(),
    labels,
    sha256: digest.describe(
      'Digest of the file. With external data: digest of the JSON list of [location, bytes, sha256] of all files, sorted by location; the model file has an empty location',
    ),
    bytes: z.number().int().describe('Bytes of all files together'),
    files: z
      .array(z.object({ location: z.string(), bytes: z.number().int(), sha256: digest }))
      .describe('The files that are here: the model’s own, whose location is empty, and its external data'),
    status: z.enum(['complete', 'incomplete']),
    missing: z.array(z.string()).describe('Locations of external data that the model refers to and that is not here'),
    irVersion: z.number().int(),
    producer: z.string().nullable(),
    opsets: z.array(z.object({ domain: z.string(), version: z.number().int() })),
    inputs: z.array(value),
    outputs: z.array(value),
    parameters: z
      .number()
      .int()
      .describe('Elements of the floating-point tensors that soups average, scalars left out'),
    tensorCount: z.number().int(),
    dtypes: z.record(z.string(), z.number().int()).describe('Tensors of each element type'),
    fingerprint: digest
      .nullable()
      .describe(
        'Digest of what the model computes but for its weights, whatever names it uses: models with the same one are variants of one network. Null while data is missing',
      ),
    createdAt: timestamp,
    expiresAt,
    lineage: lineage.nullable().describe('Job and recipe that made the model; null if it was uploaded'),
  })
  .meta({ id: 'Model' })

export type ModelRecord = z.infer<typeof model>

/** What comes of an upload: `created` is false if the same bytes were here under this name and labels. */
export const modelUpload = z.object({ model, created: z.boolean() })

export type ModelUpload = z.infer<typeof modelUpload>

/** A model whose record was damaged on the disk: what can be read of it. */
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
  bytes: z.number().int(),
  storage: z.enum(['raw', 'typed', 'external', 'none']),
  where: z.string().describe('Its place in the graph, such as graph.initializer[3]'),
  names: z
    .array(z.string())
    .describe(
      'Every name that a glob of a rule can match, 256 at most: its own, those of the nodes that read it, and one by its module where an exporter took its own away',
    ),
})

export const tensorPage = page(tensor).meta({ id: 'TensorPage' })

export const uploadParameters = z.strictObject({ name: name.optional(), label: labelParameters, ttl: ttlParameter })

export type UploadParameters = z.infer<typeof uploadParameters>

export const putParameters = uploadParameters.extend({ name })

export const modelFilters = z.strictObject({
  ...pageParameters,
  name: name.optional(),
  label: labelParameters,
  fingerprint: digestParameter.optional(),
  sha256: digestParameter.optional(),
})

/** `*`: the location of a data file as the model gives it, directories and all. */
export const dataParameters = z.object({ id: reference, '*': z.string().min(1).max(4096) })

/** `filename`: any name, under which the content is sent. */
export const namedContentParameters = z.object({
  id: reference,
  filename: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^/\\]+$/, 'a file name has no slashes')
    .describe(
      'Any file name, such as model.onnx: clients that name a file after the last part of its address have this one',
    ),
})

export const contentParameters = z.strictObject({
  external: z
    .enum(['inline'])
    .optional()
    .describe('One file, its external data inside, if that is below 2 GiB; else the model’s own file'),
})

export const tensorParameters = z.strictObject(pageParameters)
