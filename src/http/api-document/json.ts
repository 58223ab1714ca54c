/** An object of a JSON document. The functions here return changed copies, and leave the object unchanged. */
export type JsonObject = { [key: string]: unknown }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns a copy of a JSON value in which `change` has replaced every object, inner objects first. */
export function mapObjects(value: unknown, change: (object: JsonObject) => unknown): unknown {
  if (Array.isArray(value)) return value.map(each => mapObjects(each, change))
  if (!isObject(value)) return value
  return change(Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapObjects(each, change)])))
}

/** Returns a member that is an object; an empty object if there is no such member. */
export function memberOf(object: JsonObject, name: string): JsonObject {
  const member = object[name]
  return isObject(member) ? member : {}
}

/** Returns a copy of an object in which `change` has replaced each member that is an object. */
export function mapMembers(object: JsonObject, change: (member: JsonObject, name: string) => unknown): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, member]) => [name, isObject(member) ? change(member, name) : member]),
  )
}
