import { z } from 'zod'
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
  recordSort,
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
    bytes: z.number().int().describe('Bytes of all files together'),
    kind: z.enum(['npz', 'testDataSet']).describe('File format: NumPy arrays, or a test_data_set folder of ONNX'),
    samples: z.number().int().describe('Number of samples; with arrays of different lengths, that of the most arrays'),
    arrays: z.array(
      z.object({
        name: z.string(),
        dtype: z.string(),
        dims: z.array(z.number().int()),
        tensorName: z.string().optional().describe('Name of the tensor inside its TensorProto file'),
      }),
    ),
    unusable: z
      .array(z.object({ name: z.string(), reason: z.string() }))
      .optional()
      .describe('Arrays that cannot be used, each with the reason; absent if all can be used'),
    files: z.array(z.object({ name: z.string(), bytes: z.number().int(), sha256: digest })),
    createdAt: timestamp,
    expiresAt,
  })
  .meta({ id: 'Dataset' })

export type DatasetRecord = z.infer<typeof dataset>

/** Answer to an upload: `created` is false if the same content already had a record with this name and these labels. */
export const datasetUpload = z.object({ dataset, created: z.boolean() })

export type DatasetUpload = z.infer<typeof datasetUpload>

/** The readable fields of a data set whose record is damaged on disk. */
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
  sort: recordSort,
  name: name.optional(),
  label: labelParameters,
  ...createdParameters,
  ...bytesParameters,
  sha256: digestParameter.optional(),
})
