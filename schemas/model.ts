import { z } from 'zod'
import { digest, id, labelParameters, labels, name, page, pageParameters, timestamp } from './common.ts'

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
  inputs: z.array(z.object({ sha256: digest, weight: z.number() })),
  base: digest,
  normalize: z.boolean(),
})

export const model = z
  .object({
    id,
    name: name.nullable(),
    labels,
    sha256: digest,
    bytes: z.number().int(),
    status: z.enum(['complete', 'incomplete']),
    missing: z.array(z.string()).describe('Locations of external data that the model refers to and that is not here'),
    irVersion: z.number().int(),
    producer: z.string().nullable(),
    opsets: z.array(z.object({ domain: z.string(), version: z.number().int() })),
    inputs: z.array(value),
    outputs: z.array(value),
    parameters: z.number().int().describe('Elements of the floating-point initializers'),
    tensorCount: z.number().int(),
    dtypes: z.record(z.string(), z.number().int()).describe('Tensors of each element type'),
    fingerprint: digest.describe(
      'Digest of the structure without weights: models with the same one are variants of one network',
    ),
    createdAt: timestamp,
    lineage: lineage.nullable().describe('How the model was made here; null if it was uploaded'),
  })
  .meta({ id: 'Model' })

export type ModelRecord = z.infer<typeof model>

export const modelPage = page(model).meta({ id: 'ModelPage' })

export const tensor = z.object({
  name: z.string(),
  dtype: z.string(),
  dims: z.array(z.number().int()),
  bytes: z.number().int(),
  storage: z.enum(['raw', 'typed', 'external', 'none']),
  where: z.string().describe('Its place in the graph, such as graph.initializer[3]'),
})

export const tensorPage = page(tensor).meta({ id: 'TensorPage' })

export const uploadParameters = z.strictObject({ name: name.optional(), label: labelParameters })

export const modelFilters = z.strictObject({
  ...pageParameters,
  name: name.optional(),
  label: labelParameters,
  fingerprint: digest.optional(),
  sha256: z
    .string()
    .regex(/^(sha256:)?[0-9a-f]{64}$/)
    .optional(),
})

export const tensorParameters = z.strictObject(pageParameters)
