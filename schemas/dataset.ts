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
  timestamp,
  unreadable,
} from './common.ts'

export const dataset = z
  .object({
    id,
    name: name.nullable(),
    labels,
    sha256: digest.describe(
      'Digest of the file. With several files: digest of the JSON list of their names, sizes and digests',
    ),
    bytes: z.number().int(),
    kind: z.enum(['npz', 'testDataSet']),
    samples: z.number().int(),
    arrays: z.array(
      z.object({
        name: z.string(),
        dtype: z.string(),
        dims: z.array(z.number().int()),
        tensorName: z.string().optional().describe('The name inside a serialised TensorProto'),
      }),
    ),
    files: z.array(z.object({ name: z.string(), bytes: z.number().int(), sha256: digest })),
    createdAt: timestamp,
    expiresAt,
  })
  .meta({ id: 'Dataset' })

export type DatasetRecord = z.infer<typeof dataset>

/** What comes of an upload: `created` is false if the same was here under this name and labels. */
export const datasetUpload = z.object({ dataset, created: z.boolean() })

export type DatasetUpload = z.infer<typeof datasetUpload>

/** A data set whose record was damaged on the disk: what can be read of it. */
export const unreadableDataset = z
  .object({
    id,
    name: z.string().nullable(),
    labels,
    sha256: digest.nullable(),
    createdAt: timestamp.nullable(),
    expiresAt,
    unreadable,
  })
  .meta({ id: 'UnreadableDataset' })

export type UnreadableDataset = z.infer<typeof unreadableDataset>

export const datasetItem = z.union([dataset, unreadableDataset])

export type DatasetItem = z.infer<typeof datasetItem>

export const datasetPage = page(datasetItem).meta({ id: 'DatasetPage' })

export const datasetFilters = z.strictObject({
  ...pageParameters,
  name: name.optional(),
  label: labelParameters,
  sha256: digestParameter.optional(),
})
