type JsonObject = Record<string, unknown>

const asObject = (value: unknown): JsonObject => (typeof value === 'object' && value !== null ? { ...value } : {})

/** What a reference of an OpenAPI document points to; anything else as it is. */
export function resolved(document: unknown, value: unknown): unknown {
  const { $ref } = asObject(value)
  if (typeof $ref !== 'string') return value
  return $ref
    .replace('#/', '')
    .split('/')
    .reduce<unknown>((at, step) => asObject(at)[step], document)
}

/** The paths of an OpenAPI document with the parameters and responses that operations share written out. Schemas stay references. */
export function pathsWithInlineParts(document: unknown): Record<string, Record<string, JsonObject>> {
  const mapped = (object: unknown, change: (value: unknown) => unknown) =>
    Object.fromEntries(Object.entries(asObject(object)).map(([key, value]) => [key, change(value)]))
  const inline = (operation: unknown) => {
    const { parameters, responses, ...rest } = asObject(operation)
    return {
      ...rest,
      parameters: Array.isArray(parameters) ? parameters.map(each => resolved(document, each)) : [],
      responses: mapped(responses, answer => resolved(document, answer)),
    }
  }
  return Object.fromEntries(
    Object.entries(asObject(asObject(document)['paths'])).map(([path, methods]) => [
      path,
      Object.fromEntries(Object.entries(asObject(methods)).map(([method, operation]) => [method, inline(operation)])),
    ]),
  )
}
