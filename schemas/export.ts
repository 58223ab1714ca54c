import { z } from 'zod'
import {
  createdParameters,
  digest,
  digestParameter,
  expiresAt,
  id,
  labelParameters,
  labels,
  name,
  namedModel,
  page,
  pageParameters,
  reference,
  timestamp,
  ttl,
  unreadable,
} from './common.ts'

export const exportRequest = z
  .strictObject({
    model: reference.describe('The ONNX model: its id or digest'),
    checkpoint: reference.describe('The checkpoint that the model was exported from: its id or digest'),
    unmatched: z
      .enum(['refuse', 'keep'])
      .default('refuse')
      .describe(
        'Treatment of weights that follow from no tensor of the checkpoint. refuse: the job fails; keep: every model of this export has them as the ONNX model does',
      ),
    name: name.optional(),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds from the end of the job until its record and the new export expire'),
  })
  .meta({ id: 'ExportRequest' })

export type ExportRequest = z.infer<typeof exportRequest>

/** The operation that starts the search for a correspondence. */
export const exportOperation = {
  operationId: 'createExport',
  summary: 'Find how a model follows from a checkpoint',
  description:
    'A job that proves from values alone how each weight of an ONNX model follows from a checkpoint. Its export makes ONNX models of other checkpoints.',
  tags: ['exports'],
  body: exportRequest,
}

const count = z.number().int()

/** An export as lists show it. */
export const exportSummary = z
  .object({
    id,
    name: name.nullable(),
    labels,
    sha256: digest.describe('Digest of the JSON list of the digests of model and checkpoint, and the correspondence'),
    model: namedModel,
    checkpoint: namedModel,
    prefix: z
      .object({
        drop: z.string().describe('Beginning that names of the graph have and keys lack; empty without one'),
        add: z
          .string()
          .describe('Beginning that keys have and names of the graph lack, such as module.; empty without one'),
      })
      .describe('Difference between the names of the graph and the keys of the checkpoint'),
    counts: z
      .object({
        weights: count.describe('Number of weights that follow from the checkpoint'),
        unmatched: count.describe('Number of weights that every model of this export has as the ONNX model does'),
        ambiguous: count.describe('Number of groups of weights with several possible sources'),
        shared: count.describe('Number of weights that stand for several tensors'),
        numbers: count.describe('Number of numbers of the graph that no checkpoint has'),
        unused: count.describe('Number of keys that no weight follows from'),
      })
      .describe('Lengths of the lists of GET /v1/exports/{id}'),
    warnings: z.array(z.string()),
    createdAt: timestamp,
    expiresAt,
  })
  .describe('An export without its lists; GET /v1/exports/{id} answers with them')
  .meta({ id: 'ExportSummary' })

export type ExportSummary = z.infer<typeof exportSummary>

const derivation = z
  .string()
  .describe('Steps from tensors of the checkpoint to the weight, such as transpose(encoder.fc.weight, [1, 0])')

const graphWeight = z.object({
  tensor: z.string().describe('Name of the weight in the graph'),
  dtype: z.string(),
  dims: z.array(z.number().int()),
})

export const exportRecord = exportSummary
  .omit({ id: true })
  .extend({
    id,
    weights: z
      .array(graphWeight.extend({ keys: z.array(z.string()).describe('Keys of the checkpoint'), derivation }))
      .describe('Weights that follow from the checkpoint, in the order of the file'),
    unmatched: z
      .array(
        graphWeight.extend({
          nearest: z.string().nullable().describe('Key of the most similar tensor; null if none has as many elements'),
          reason: z.string(),
        }),
      )
      .describe('Weights that follow from no tensor of the checkpoint'),
    numbers: z
      .array(graphWeight)
      .describe(
        'Numbers of the graph’s own arithmetic, such as a scale of attention, which every model of this export keeps',
      ),
    ambiguous: z
      .array(z.object({ weights: z.array(z.string()), choices: z.array(derivation) }))
      .describe('Weights with several possible sources, which are equal in this checkpoint'),
    shared: z
      .array(z.object({ tensor: z.string(), others: z.array(z.object({ output: z.string(), derivation })) }))
      .describe('Weights that the exporter stored once for several tensors, which are equal in this checkpoint'),
    unused: z.array(z.string()).describe('Keys of the checkpoint that no weight follows from'),
  })
  .describe('An export with the steps from tensors of its checkpoint to each weight of its ONNX model')
  .meta({ id: 'Export' })

export type ExportRecord = z.infer<typeof exportRecord>

/** The readable fields of an export whose record is damaged on disk. */
export const unreadableExport = z
  .object({
    id,
    name: z.string().nullable(),
    labels,
    sha256: digest.nullable(),
    createdAt: timestamp.nullable(),
    expiresAt,
    unreadable,
  })
  .meta({ id: 'UnreadableExport' })

export const exportListItem = z.union([exportSummary, unreadableExport])

export type ExportListItem = z.infer<typeof exportListItem>

export const exportItem = z.union([exportRecord, unreadableExport])

export type ExportItem = z.infer<typeof exportItem>

export const exportPage = page(exportListItem).meta({ id: 'ExportPage' })

/** Orders of the list of exports. */
export const exportOrder = z.enum(['-created', 'created', 'name', '-name'])

export const exportFilters = z.strictObject({
  ...pageParameters,
  sort: exportOrder
    .default('-created')
    .describe('Order of the list. A minus reverses it; exports without a name come before all others'),
  name: name.optional(),
  label: labelParameters,
  ...createdParameters,
  sha256: digestParameter.optional(),
})

export const exportResult = z.object({ export: exportSummary }).meta({ id: 'ExportResult' })

export type ExportResult = z.infer<typeof exportResult>
