import { z } from 'zod'
import type { RegisteredMetric } from './metric-loaders.ts'

const schemas = new Map<RegisteredMetric, z.ZodType<Record<string, unknown>>>()

/** Returns the schema of a metric's parameters. Only the server loads it: an evaluator gets parameters that are checked. */
export function parameterSchema(metric: RegisteredMetric): z.ZodType<Record<string, unknown>> {
  const schema = schemas.get(metric) ?? metric.parameters(z)
  schemas.set(metric, schema)
  return schema
}
