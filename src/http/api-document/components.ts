import { isObject, type JsonObject, mapObjects, memberOf } from './json.ts'

const prefix = '#/components/schemas/'
/** How the type provider names the form of a schema that requests have: with defaults optional. */
const inputSuffix = 'Input'

/**
 * A document whose schema components are those that it uses. A component that requests and answers use in two forms is there twice: `X` is what a
 * request sends, `ResolvedX` what an answer shows, with all defaults filled in. Where both forms are equal it is there once.
 */
export function withUsedComponents(document: JsonObject): JsonObject {
  const components = memberOf(document, 'components')
  const schemas = memberOf(components, 'schemas')
  const used = reachable(document['paths'], schemas)
  const renamed = new Map(
    [...used].map(name => {
      const plain = name.endsWith(inputSuffix) ? name.slice(0, -inputSuffix.length) : name
      if (!(plain in schemas)) return [name, name]
      const both = used.has(plain) && used.has(plain + inputSuffix)
      const isRequest = plain !== name
      return [name, !both || isRequest || sameForms(plain, schemas) ? plain : `Resolved${plain}`]
    }),
  )
  const kept = Object.fromEntries(
    [...renamed]
      .map(([name, target]): [string, unknown] => [target, schemas[name]])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
  const whole = { ...document, components: { ...components, schemas: kept } }
  const changed = mapObjects(whole, object => {
    const { $ref } = object
    if (typeof $ref !== 'string' || !$ref.startsWith(prefix)) return object
    return { ...object, $ref: prefix + (renamed.get($ref.slice(prefix.length)) ?? $ref.slice(prefix.length)) }
  })
  return isObject(changed) ? changed : {}
}

/** Whether the request form and the answer form of a component are equal, apart from what they refer to and `additionalProperties`. */
function sameForms(plain: string, schemas: JsonObject): boolean {
  const text = (name: string) => JSON.stringify(mapObjects(schemas[name], comparable))
  const comparable = ({ additionalProperties, $ref, ...rest }: JsonObject) => ({
    ...rest,
    ...(typeof additionalProperties === 'boolean' ? {} : { additionalProperties }),
    ...(typeof $ref === 'string' ? { $ref: $ref.replace(/Input$/, '') } : {}),
  })
  return text(plain) === text(plain + inputSuffix)
}

/** The names of the components that a part of the document refers to, also by way of others. */
function reachable(part: unknown, schemas: JsonObject): Set<string> {
  const found = new Set<string>()
  const open: unknown[] = [part]
  while (open.length > 0)
    mapObjects(open.pop(), object => {
      const name = typeof object['$ref'] === 'string' ? object['$ref'].slice(prefix.length) : ''
      if (name in schemas && !found.has(name)) {
        found.add(name)
        open.push(schemas[name])
      }
      return object
    })
  return found
}

/**
 * A document without `default`, which generators of clients read as "always there": a description says it. Pairs, tuples of one schema, are
 * arrays of a fixed length, as linters that know JSON Schema only up to draft 7 want them.
 */
export function withPlainSchemas(document: JsonObject): JsonObject {
  const changed = mapObjects(document, schema => {
    const { default: standard, prefixItems, ...rest } = schema
    const described =
      standard === undefined || !isSchema(schema) ? {} : { description: withDefault(schema['description'], standard) }
    const listed = Array.isArray(prefixItems) ? { ...pairOf(prefixItems) } : {}
    return isSchema(schema) ? { ...rest, ...described, ...listed } : schema
  })
  return isObject(changed) ? changed : {}
}

/** Whether an object is a schema, and no map of properties that have names such as `default`. */
function isSchema(object: JsonObject): boolean {
  return ['type', 'anyOf', 'oneOf', 'enum', 'const', '$ref', 'prefixItems'].some(key => {
    const value = object[key]
    return typeof value === 'string' || Array.isArray(value) || (key === 'const' && key in object)
  })
}

function withDefault(description: unknown, standard: unknown): string {
  const text = `Default: ${JSON.stringify(standard)}.`
  return typeof description === 'string' ? `${description.replace(/\.?$/, '.')} ${text}` : text
}

function pairOf(prefixItems: readonly unknown[]): JsonObject {
  const forms = [...new Map(prefixItems.map(item => [JSON.stringify(item), item])).values()]
  const [only] = forms
  return {
    items: forms.length === 1 ? only : { anyOf: forms },
    minItems: prefixItems.length,
    maxItems: prefixItems.length,
  }
}
