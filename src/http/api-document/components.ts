import { isObject, type JsonObject, mapObjects, memberOf } from './json.ts'

const prefix = '#/components/schemas/'
/** Suffix that the type provider gives to request forms of schemas. In those, fields with defaults are optional. */
const inputSuffix = 'Input'

/**
 * Returns the document with only the schema components that it uses. A component whose request form and answer form differ occurs twice:
 * `X` for requests, and `ResolvedX` for answers, with all defaults filled in.
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

/** True if the request form and the answer form of a component are equal, apart from references and `additionalProperties`. */
function sameForms(plain: string, schemas: JsonObject): boolean {
  const text = (name: string) => JSON.stringify(mapObjects(schemas[name], comparable))
  const comparable = ({ additionalProperties, $ref, ...rest }: JsonObject) => ({
    ...rest,
    ...(typeof additionalProperties === 'boolean' ? {} : { additionalProperties }),
    ...(typeof $ref === 'string' ? { $ref: $ref.replace(/Input$/, '') } : {}),
  })
  return text(plain) === text(plain + inputSuffix)
}

/** Returns the names of the components that a part of the document refers to, directly or through other components. */
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
 * Returns the document in plainer JSON Schema. Descriptions tell the defaults in place of `default`, which client generators read as
 * "always there". Tuples become arrays of a fixed length, since some linters know JSON Schema only up to draft 7.
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

/** True if an object is a schema; false for a map of properties, which may have names such as `default`. */
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
