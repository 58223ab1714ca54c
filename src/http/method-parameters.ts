import { z } from 'zod'
import type { RegisteredMethod } from '../merge/methods/merge-method-registry.ts'

/** Returns the parameters of a merge method as a JSON Schema. */
export function parameterSchema({ parameters }: Pick<RegisteredMethod, 'parameters'>): z.core.JSONSchema.BaseSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(parameters, { io: 'input' })
  return schema
}
