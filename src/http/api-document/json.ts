/** A JSON value as far as a document is walked: objects are copied, never changed. */
export type JsonObject = { [key: string]: unknown }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy of a JSON value in which every object has gone through a function, the inner ones first. */
export function mapObjects(value: unknown, change: (object: JsonObject) => unknown): unknown {
  if (Array.isArray(value)) return value.map(each => mapObjects(each, change))
  if (!isObject(value)) return value
  return change(Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapObjects(each, change)])))
}

/** The member of an object that is an object; an empty one if there is none. */
export function memberOf(object: JsonObject, name: string): JsonObject {
  const member = object[name]
  return isObject(member) ? member : {}
}

/** An object whose members have gone through a function that knows their names. */
export function mapMembers(object: JsonObject, change: (member: JsonObject, name: string) => unknown): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, member]) => [name, isObject(member) ? change(member, name) : member]),
  )
}
