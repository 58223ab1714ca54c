import { isObject, type JsonObject, mapMembers, memberOf } from './json.ts'

/** Returns the document with one component for each parameter or answer that several operations share. */
export function withSharedParts(document: JsonObject): JsonObject {
  const parts = partsOf(document)
  const components = {
    ...memberOf(document, 'components'),
    parameters: sharedOf(parts.parameters, parameterName),
    responses: sharedOf(parts.responses, responseName),
  }
  const references = {
    parameters: referencesTo('parameters', components.parameters),
    responses: referencesTo('responses', components.responses),
  }
  const referred = (kind: keyof Parts, value: unknown) => references[kind].get(JSON.stringify(value)) ?? value
  const paths = mapOperations(document, operation => {
    const { parameters, responses } = operation
    return {
      ...operation,
      ...(Array.isArray(parameters) ? { parameters: parameters.map(each => referred('parameters', each)) } : {}),
      ...(isObject(responses) ? { responses: mapMembers(responses, answer => referred('responses', answer)) } : {}),
    }
  })
  return { ...document, paths, components }
}

/** Parameters and answers of all operations. Each answer has its HTTP status. */
type Parts = { parameters: unknown[]; responses: [status: string, answer: unknown][] }

function partsOf(document: JsonObject): Parts {
  const parts: Parts = { parameters: [], responses: [] }
  mapOperations(document, operation => {
    const { parameters } = operation
    if (Array.isArray(parameters)) parts.parameters.push(...parameters)
    parts.responses.push(...Object.entries(memberOf(operation, 'responses')))
    return operation
  })
  return parts
}

function mapOperations(document: JsonObject, change: (operation: JsonObject) => unknown): JsonObject {
  return mapMembers(memberOf(document, 'paths'), methods => mapMembers(methods, change))
}

/** Returns the parts that occur more than once, each under a unique name. */
function sharedOf<Part>(parts: readonly Part[], nameOf: (part: Part) => { name: string; value: unknown }): JsonObject {
  const shared: JsonObject = {}
  for (const [first, second] of Map.groupBy(parts, part => JSON.stringify(nameOf(part).value)).values()) {
    if (first === undefined || second === undefined) continue
    const { name, value } = nameOf(first)
    let unique = name
    for (let each = 2; unique in shared; each += 1) unique = `${name}${each}`
    shared[unique] = value
  }
  return shared
}

function referencesTo(kind: keyof Parts, shared: JsonObject): Map<string, JsonObject> {
  return new Map(
    Object.entries(shared).map(([name, value]) => [JSON.stringify(value), { $ref: `#/components/${kind}/${name}` }]),
  )
}

/** Returns the component name of a parameter, such as `IdInPath`, `WaitInQuery` or `IdempotencyKeyInHeader`. */
function parameterName(value: unknown): { name: string; value: unknown } {
  const { name, in: place } = isObject(value) ? value : {}
  const words = [...String(name).split(/[^A-Za-z0-9]+/), 'in', String(place)]
  return { name: words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join(''), value }
}

/** Returns the component name of an answer, such as `Answer200`, `Problem404` or `Problem4XX`. */
function responseName([status, value]: [string, unknown]): { name: string; value: unknown } {
  return { name: `${/^[45]/.test(status) ? 'Problem' : 'Answer'}${status}`, value }
}
