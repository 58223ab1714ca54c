type JsonObject = Record<string, unknown>

const asObject = (value: unknown): JsonObject => (typeof value === 'object' && value !== null ? { ...value } : {})

/** Returns the part of an OpenAPI document that a reference points to. Other values are returned unchanged. */
export function resolved(document: unknown, value: unknown): unknown {
  const { $ref } = asObject(value)
  if (typeof $ref !== 'string') return value
  return $ref
    .replace('#/', '')
    .split('/')
    .reduce<unknown>((at, step) => asObject(at)[step], document)
}

/** Returns the paths of an OpenAPI document, with shared parameters and responses in place of references. Schemas stay references. */
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
