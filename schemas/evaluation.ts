import { z } from 'zod'
import { digest, entriesAtMost, id, labels, name, reference, resultName, ttl } from './common.ts'

export const direction = z.enum(['max', 'min']).describe('Direction in which scores are better: max or min')

const metricName = z.string().min(1).max(100)

/** A scoring metric that is itself an ONNX model of the store. */
const modelMetric = z.strictObject({
  name: metricName.describe('Name of the scoring metric in the result'),
  model: reference.describe(
    'A model with two inputs, first the outputs to score and then the targets, and one scalar output per sample or per batch',
  ),
  direction,
})

/** A built-in scoring metric with its parameters, or a metric that is a model. The latter has only name, model and direction. */
const metricObject = z
  .looseObject({ name: metricName, model: reference.optional(), direction: z.unknown().optional() })
  .superRefine((metric, context) => {
    if (metric.model === undefined) return
    for (const { path, message } of modelMetric.safeParse(metric).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path, message })
    }
  })

export const metricRequest = z.union([metricName, metricObject]).meta({ id: 'MetricRequest' })

export type MetricRequest = z.infer<typeof metricRequest>

/** How a model is scored on a data set. Each field is optional when only one choice is possible. */
export const scoring = {
  inputs: z
    .record(z.string(), z.string())
    .meta(entriesAtMost(1024))
    .optional()
    .describe('Name of the array for each input of the model'),
  target: z.string().optional().describe('Name of the array that the output is compared with'),
  output: z.string().optional().describe('Name of the output to score'),
  batchSize: z
    .number()
    .int()
    .min(1)
    .max(65536)
    .optional()
    .describe('Samples in one run, if the model leaves the batch size open'),
}

export const evaluationRequest = z
  .strictObject({
    model: reference,
    dataset: reference,
    ...scoring,
    metrics: z.array(metricRequest).min(1).max(32).optional(),
    limit: z.number().int().min(1).optional().describe('Number of samples to score, from the first; all if left out'),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds from the end of the job until its record expires'),
  })
  .meta({ id: 'EvaluationRequest' })

export type EvaluationRequest = z.infer<typeof evaluationRequest>

/** The operation that starts evaluations. */
export const evaluationOperation = {
  operationId: 'createEvaluation',
  summary: 'Score a model',
  description: 'A job that runs a model on a data set and computes scoring metrics.',
  tags: ['evaluation'],
  body: evaluationRequest,
}

const score = z.number().nullable().describe('Value of the scoring metric; null if it is not finite or not defined')

export const evaluationResult = z
  .object({
    metrics: z.record(z.string(), score).describe('Score by the name of its scoring metric'),
    samples: z.number().int().describe('Number of samples that were scored'),
    seconds: z.number().describe('Seconds spent running and scoring the model, possibly in an earlier job'),
    latencyMs: z
      .object({ median: z.number(), p95: z.number() })
      .describe('Milliseconds of one run of the model over batchSize samples; the first run is left out'),
    batchSize: z.number().int().describe('Samples in one run'),
    model: z.object({ id: id.optional(), name: resultName, sha256: digest, bytes: z.number().int() }),
    dataset: z.object({ id, name: name.nullable(), sha256: digest }).optional(),
    threads: z.number().int().describe('Intra-op threads of onnxruntime'),
    runtime: z.string().describe('Name and version of the runtime that ran the model'),
    cached: z.boolean().describe('True if earlier jobs had computed every score'),
    perClass: z
      .array(
        z.object({
          metric: z.string(),
          classes: z.array(
            z.object({
              class: z
                .union([z.number().int(), z.string()])
                .describe(
                  'Value of the class in `classes` of the request; without that, its label if the output holds labels, otherwise its index among the outputs',
                ),
              value: score,
              support: z.number().int().describe('Number of samples, positions or pixels whose target is this class'),
            }),
          ),
        }),
      )
      .optional()
      .describe('Score of each class; absent if no scoring metric of the request has one'),
    ignored: z
      .record(z.string(), z.number().int())
      .optional()
      .describe(
        'Number of targets (samples, positions or pixels) that the score leaves out, by the name of the scoring metric; 0 if all count; absent for results of earlier versions',
      ),
    notes: z.array(z.string()).describe('Assumptions of the scoring, such as outputs that were read as logits'),
    binding: z.object({
      inputs: z.record(z.string(), z.string()),
      target: z.string().nullable(),
      output: z.string().nullable(),
      guessed: z
        .array(z.string())
        .optional()
        .describe(
          'Fields whose arrays the server chose although another may be meant, such as inputs.x; absent if there are none',
        ),
    }),
  })
  .meta({ id: 'EvaluationResult' })

export type EvaluationResult = z.infer<typeof evaluationResult>

export const metric = z
  .object({
    name: z.string(),
    description: z.string(),
    direction,
    per: z.enum(['sample', 'set']).describe('sample: the mean of one value per sample; set: one value of all samples'),
    target: z.enum(['classes', 'values', 'masks', 'reference']).describe('Kind of target that the metric takes'),
    parameters: z.record(z.string(), z.unknown()).describe('JSON Schema of the parameters'),
  })
  .meta({ id: 'Metric' })

export const metricList = z.object({ items: z.array(metric) }).meta({ id: 'MetricList' })
