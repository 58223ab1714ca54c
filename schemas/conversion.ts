import { z } from 'zod'
import { digest, id, labels, name, namedModel, reference, resultName, ttl } from './common.ts'

/** A conversion as clients send it. The export stands in the path. */
export const conversionBody = z
  .strictObject({
    checkpoint: reference.describe('The checkpoint of which the ONNX model is made: its id or digest'),
    provenance: z.boolean().default(true).describe('True to write the recipe into the metadata of the model'),
    name: name.optional(),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds from the end of the job until its record and the new model expire'),
  })
  .meta({ id: 'ConversionBody' })

export type ConversionBody = z.infer<typeof conversionBody>

export const conversionRequest = conversionBody
  .extend({ export: reference.describe('The export: its id or digest') })
  .meta({ id: 'ConversionRequest' })

export type ConversionRequest = z.infer<typeof conversionRequest>

/** The operation that starts conversions. */
export const conversionOperation = {
  operationId: 'createConversion',
  summary: 'Make the ONNX model of a checkpoint',
  description:
    'A job that makes an ONNX model: the graph of the export, with the weights that follow from this checkpoint.',
  tags: ['exports'],
  body: conversionBody,
}

export const conversionResult = z
  .object({
    model: z.object({ id, name: resultName, sha256: digest, bytes: z.number().int() }),
    export: namedModel.describe('The export: its id, name and digest'),
    checkpoint: namedModel,
    report: z.object({
      weights: z.number().int().describe('Number of weights that were made from the checkpoint'),
      kept: z.number().int().describe('Number of weights that follow from no checkpoint, and are those of the export'),
      warnings: z.array(z.string()),
      bytesRead: z.number().int(),
      bytesWritten: z.number().int(),
      seconds: z.number(),
    }),
  })
  .meta({ id: 'ConversionResult' })

export type ConversionResult = z.infer<typeof conversionResult>
