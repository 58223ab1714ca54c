import { z } from 'zod'
import type { RegisteredMethod } from '../merge/methods/merge-method-registry.ts'
import { methodParameters } from '../merge/methods/method-schema.ts'

/** Returns the parameters of a merge method as a JSON Schema. */
export function parameterSchema(method: RegisteredMethod): z.core.JSONSchema.BaseSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(methodParameters(method), { io: 'input' })
  return schema
}
