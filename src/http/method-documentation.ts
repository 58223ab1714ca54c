import { z } from 'zod'
import { gradient } from '../../schemas/merge.ts'
import { methods, type RegisteredMethod } from '../merge/methods/registry.ts'

const { $schema: _, ...gradientSchema } = z.toJSONSchema(gradient)

/** The parameters of a method as a JSON Schema. */
export function parameterSchema({ parameters }: Pick<RegisteredMethod, 'parameters'>): z.core.JSONSchema.BaseSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(parameters, { io: 'input' })
  return schema
}

/**
 * A JSON Schema in which what says that it is a merge method, or the parameters of one, lists those that there are: the request
 * schemas leave that to the registry.
 */
export function withMethods(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withMethods)
  if (typeof schema !== 'object' || schema === null) return schema
  if ('merge' in schema && schema.merge === 'method') {
    const { merge: _, ...rest } = schema
    return { ...rest, enum: [...methods.keys()] }
  }
  if ('merge' in schema && schema.merge === 'parameters') {
    const { merge: _, ...rest } = schema
    return { ...rest, anyOf: [...methods.values()].map(requestedParameters) }
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withMethods(value)]))
}

/** As requests give them: some of them where a rule does, and gradients for numbers. */
function requestedParameters(method: RegisteredMethod): Record<string, unknown> {
  const { required: _, properties, ...rest } = parameterSchema(method)
  const given = Object.entries(properties ?? {}).map(([name, schema]) => [name, withGradients(schema)])
  return { title: method.name, ...rest, properties: Object.fromEntries(given) }
}

/** A number that need not be whole may be a gradient, also in a list of one for each model. */
function withGradients(schema: z.core.JSONSchema._JSONSchema): unknown {
  if (typeof schema !== 'object') return schema
  if (schema.type === 'number') return { anyOf: [schema, gradientSchema] }
  const { anyOf, items, ...rest } = schema
  if (anyOf) return { ...rest, anyOf: anyOf.map(withGradients) }
  return items && !Array.isArray(items) ? { ...rest, items: withGradients(items) } : schema
}
