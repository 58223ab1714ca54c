import { z } from 'zod'
import { digest, entriesAtMost, id, labels, name, reference, resultName, ttl, waitSeconds } from './common.ts'

export const direction = z.enum(['max', 'min']).describe('Direction in which scores are better: max or min')

const metricName = z.string().min(1).max(100)

/** A metric that is itself an ONNX model of the store. */
const modelMetric = z.strictObject({
  name: metricName.describe('Name of the metric in the result'),
  model: reference.describe(
    'A model with two inputs, the outputs and the targets, and a scalar per sample or per batch',
  ),
  direction,
})

/** A metric of the service with parameters of its own, or one that is a model: then with nothing but name, model and direction. */
const metricObject = z
  .looseObject({ name: metricName, model: reference.optional(), direction: z.unknown().optional() })
  .superRefine((metric, context) => {
    if (metric.model === undefined) return
    for (const { path, message } of modelMetric.safeParse(metric).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path, message })
    }
  })

export const metricRequest = z.union([metricName, metricObject])

export type MetricRequest = z.infer<typeof metricRequest>

/** How a model is scored on a data set. What has only one reading may be left out. */
export const scoring = {
  inputs: z
    .record(z.string(), z.string())
    .meta(entriesAtMost(1024))
    .optional()
    .describe('The array for each input of the model'),
  target: z.string().optional().describe('The array that outputs are compared with'),
  output: z.string().optional().describe('The output that is scored'),
  batchSize: z
    .number()
    .int()
    .min(1)
    .max(65536)
    .optional()
    .describe('Samples in one run, where the model leaves it open'),
}

export const evaluationRequest = z
  .strictObject({
    model: reference,
    dataset: reference,
    ...scoring,
    metrics: z.array(metricRequest).min(1).max(32).optional(),
    limit: z.number().int().min(1).optional().describe('Score the first samples only'),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds after its end that the job expires'),
  })
  .meta({ id: 'EvaluationRequest' })

export type EvaluationRequest = z.infer<typeof evaluationRequest>

const score = z.number().nullable().describe('null where the value is not finite, or does not exist')

export const evaluationResult = z
  .object({
    metrics: z.record(z.string(), score),
    samples: z.number().int(),
    seconds: z.number(),
    latencyMs: z
      .object({ median: z.number(), p95: z.number() })
      .describe('Milliseconds of one run of the model over batchSize samples, without the first run'),
    batchSize: z.number().int(),
    model: z.object({ id: id.optional(), name: resultName, sha256: digest, bytes: z.number().int() }),
    dataset: z.object({ id, name: name.nullable(), sha256: digest }).optional(),
    threads: z.number().int(),
    runtime: z.string().describe('Name and version of what ran the model'),
    cached: z.boolean().describe('True if every score had been computed before'),
    perClass: z
      .array(
        z.object({
          metric: z.string(),
          classes: z.array(
            z.object({
              class: z
                .union([z.number().int(), z.string()])
                .describe('Index of the class in the scores; the class label where the output holds labels'),
              value: score,
              support: z.number().int(),
            }),
          ),
        }),
      )
      .optional(),
    notes: z.array(z.string()).describe('Assumptions, such as how the outputs were read'),
    binding: z.object({
      inputs: z.record(z.string(), z.string()),
      target: z.string().nullable(),
      output: z.string().nullable(),
    }),
  })
  .meta({ id: 'EvaluationResult' })

export type EvaluationResult = z.infer<typeof evaluationResult>

export const evaluationParameters = z.strictObject({ wait: waitSeconds })

export const metric = z
  .object({
    name: z.string(),
    description: z.string(),
    direction,
    per: z.enum(['sample', 'set']).describe('The mean of one value per sample, or of a whole set only'),
    target: z.enum(['classes', 'values', 'masks', 'reference']),
    parameters: z.record(z.string(), z.unknown()).describe('JSON Schema'),
  })
  .meta({ id: 'Metric' })

export const metricList = z.object({ items: z.array(metric) }).meta({ id: 'MetricList' })
