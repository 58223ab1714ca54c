import type { Random } from '../support/random.ts'

/** A JSON schema as /openapi.json writes them. */
export type Schema = { [key: string]: unknown }

/** What breaks readers: of another type, at the edge of a type, or with a meaning somewhere below. */
const strange: readonly unknown[] = [
  null,
  true,
  '',
  ' ',
  '\u0000',
  '__proto__',
  '../../etc/passwd',
  "' or 1=1 --",
  '%00',
  '💥'.repeat(50),
  'a'.repeat(5000),
  'sha256:',
  0,
  -1,
  1e308,
  -1e-320,
  2 ** 53,
  0.5,
  [],
  {},
  [[]],
  { __proto__: null, constructor: 1 },
]

/** How often a part of a value is a strange one. */
const strangeShare = 0.03
const deepest = 12

/**
 * A value that mostly fits a schema. `known` gives things that exist for the fields that name them.
 * @param resolve follows a reference within the document
 */
export function randomValue(
  schema: Schema,
  random: Random,
  resolve: (reference: string) => Schema,
  known: (field: string) => unknown,
  field = '',
  depth = 0,
): unknown {
  if (random.next() < strangeShare) return random.pick(strange)
  if (depth > deepest) return null
  const value = (inner: Schema, name = field) => randomValue(inner, random, resolve, known, name, depth + 1)
  const { $ref, anyOf, oneOf, allOf, enum: choices, const: only, type, properties, items, pattern } = schema
  if (typeof $ref === 'string') return value(resolve($ref))
  for (const alternatives of [anyOf, oneOf, allOf])
    if (isList(alternatives)) return value(asSchema(random.pick(alternatives)))
  if (only !== undefined) return only
  if (isList(choices)) return random.pick(choices)
  const existing = known(field)
  if (existing !== undefined && type === 'string' && random.next() < 0.9) return existing
  if (type === 'object') {
    const required = isList(schema['required']) ? schema['required'] : []
    const entries = Object.entries(asSchema(properties)).filter(
      ([name]) => random.next() < (required.includes(name) ? 0.97 : 0.3),
    )
    return Object.fromEntries(entries.map(([name, inner]) => [name, value(asSchema(inner), name)]))
  }
  if (type === 'array') {
    const least = Number(schema['minItems'] ?? 0)
    return Array.from({ length: random.integer(least, least + 2) }, () => value(asSchema(items)))
  }
  if (type === 'integer' || type === 'number') {
    const from = Number(schema['minimum'] ?? -3)
    const number = from + random.integer(0, 6)
    return type === 'integer' || random.next() < 0.5 ? number : number + random.next()
  }
  if (type === 'boolean') return random.next() < 0.5
  if (type === 'null') return null
  if (typeof pattern === 'string' && pattern.includes('sha256')) return `sha256:${random.pick(['0', 'f']).repeat(64)}`
  return random.pick(['a', 'linear', 'W', '*', 'x', 'y', 'accuracy', 'key:value'])
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value)
}

export function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}
