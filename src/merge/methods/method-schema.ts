import { z } from 'zod'
import type { RegisteredMethod } from './merge-method-registry.ts'

const schemas = new Map<RegisteredMethod, z.ZodType<Record<string, unknown>>>()

/** Returns the schema of a method's parameters. Only the server loads it: an evaluator gets parameters that are checked. */
export function methodParameters(method: RegisteredMethod): z.ZodType<Record<string, unknown>> {
  const schema = schemas.get(method) ?? method.parameters(z)
  schemas.set(method, schema)
  return schema
}
