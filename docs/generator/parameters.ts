import { code, table } from './markdown.ts'

/** The parts of a JSON Schema that a table shows. `true` and `false` are schemas, too. */
type Schema = Record<string, unknown>

const asSchema = (value: unknown): Schema => (typeof value === 'object' && value !== null ? { ...value } : {})
const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

/** Returns the values that a schema allows in words, such as "number, above 0, at most 1". */
export function valuesOf(given: unknown): string {
  const schema = asSchema(given)
  if ('const' in schema) return code(JSON.stringify(schema['const']))
  const values = asList(schema['enum'])
  if (values.length > 0) return values.map(value => code(JSON.stringify(value))).join(', ')
  const forms = asList(schema['anyOf'] ?? schema['oneOf'])
  if (forms.length > 0) return [...new Set(forms.map(valuesOf))].join('; or ')
  if (typeof schema['$ref'] === 'string') return code(schema['$ref'].split('/').at(-1) ?? '')
  const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, prefixItems, items, additionalProperties } =
    schema
  if (prefixItems) return `[${asList(prefixItems).map(valuesOf).join(', ')}]`
  if (type === 'array') return `list of ${valuesOf(items)}`
  if (type === 'object' && additionalProperties) return `object of ${valuesOf(additionalProperties)}`
  const bounds = [
    exclusiveMinimum !== undefined && `above ${exclusiveMinimum}`,
    typeof minimum === 'number' && minimum > -(2 ** 31) && `at least ${minimum}`,
    exclusiveMaximum !== undefined && `below ${exclusiveMaximum}`,
    typeof maximum === 'number' && maximum < 2 ** 31 - 1 && `at most ${maximum}`,
  ]
  return [type === undefined ? 'anything' : String(type), ...bounds].filter(Boolean).join(', ')
}

/** Returns a table of the properties of a JSON Schema, with name, allowed values, default and description; "None." if there are none. */
export function parameterTable(schema: unknown, leftOut: readonly string[] = []): string {
  const { properties, required } = asSchema(schema)
  const rows = Object.entries(asSchema(properties))
    .filter(([name]) => !leftOut.includes(name))
    .map(([name, property]) => {
      const { default: standard, description = '' } = asSchema(property)
      const isRequired = asList(required).includes(name)
      const shown = standard === undefined ? (isRequired ? 'required' : '') : code(JSON.stringify(standard))
      return [code(name), valuesOf(property), shown, String(description)]
    })
  return rows.length === 0 ? 'Parameters: none.' : table(['parameter', 'values', 'default', 'meaning'], rows)
}
