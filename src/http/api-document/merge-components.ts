import type { z } from 'zod'
import { methods } from '../../merge/methods/merge-method-registry.ts'
import { parameterSchema } from '../method-parameters.ts'
import { type JsonObject, mapObjects } from './json.ts'

const names = { method: 'MergeMethodName', parameters: 'MergeParameters', gradient: 'GradientInput' } as const
const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` })

/**
 * Returns the schema components of the merge methods' names and parameters, from the registry of merge methods. All parameters are
 * optional, because a rule may set only some of them. A number that need not be whole may also be a gradient.
 */
export function mergeComponents(): JsonObject {
  const all = [...methods.values()]
  return {
    [names.method]: { type: 'string', enum: all.map(({ name }) => name), description: 'Name of a merge method' },
    [names.parameters]: {
      description: 'Parameters of the merge method; each merge method takes its own',
      anyOf: all
        .map(method => ({ name: method.name, schema: parameterSchema(method) }))
        .filter(({ schema: { properties = {} } }) => Object.keys(properties).length > 0)
        .map(({ name, schema: { required: _, properties, ...rest } }) => ({
          title: name,
          ...rest,
          properties: Object.fromEntries(
            Object.entries(properties ?? {}).map(([parameter, schema]) => [parameter, withGradients(schema)]),
          ),
        })),
    },
  }
}

/**
 * Returns the document with references to {@link mergeComponents} in place of the schemas that stand for merge methods or their parameters.
 */
export function withMergeComponents(document: unknown): unknown {
  return mapObjects(document, schema => {
    const { merge, description } = schema
    if (merge !== 'method' && merge !== 'parameters') return schema
    return { ...reference(names[merge]), ...(description === undefined ? {} : { description }) }
  })
}

/** Returns a schema in which each number that need not be whole may also be a gradient, also inside lists. */
function withGradients(schema: z.core.JSONSchema._JSONSchema): unknown {
  if (typeof schema !== 'object') return schema
  const { type, anyOf, items, description, default: standard, ...rest } = schema
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
  }
  if (type === 'number') return { ...about, anyOf: [{ type, ...rest }, reference(names.gradient)] }
  if (anyOf) return { ...about, ...rest, anyOf: anyOf.map(withGradients) }
  return items && !Array.isArray(items) ? { ...schema, items: withGradients(items) } : schema
}
