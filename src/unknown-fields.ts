import { z } from 'zod'
import type { ProblemItem } from './errors.ts'
import { nearest } from './nearest.ts'
import { boundedParse } from './validation/bounded-parse.ts'

/** More than these are hardly typing errors, and each is compared with all names that are known. */
const maximumSuggestions = 20

/**
 * The refusals of fields that a schema does not have, each of the first 20 naming the nearest that it has.
 *
 * @param keys the fields, which the object at `path` in `whole` has
 * @param schema what `whole` was held against
 */
export function unknownFields(
  keys: readonly string[],
  path: readonly string[],
  schema: unknown,
  whole: unknown,
): ProblemItem[] {
  const holder = path.reduce<unknown>(memberOf, whole)
  const meant = meantOf(objectsAt(schema, path), holder, keys)
  const known = meant && Object.keys(meant.shape)
  return keys.map((key, index) => {
    const field = [...path, key].join('.')
    const near = index < maximumSuggestions ? nearest(key, known ?? []) : undefined
    if (near !== undefined) return { field, message: `is not known; the nearest that is: ${near}` }
    return { field, message: known?.length === 0 ? 'is not known; none is' : 'is not known' }
  })
}

/**
 * What a schema finds wrong with a value, each field named from `root` on.
 *
 * @param whole the value
 */
export function invalidFields(
  issues: readonly z.core.$ZodIssue[],
  root: string,
  schema: unknown,
  whole: unknown,
): ProblemItem[] {
  return issues.flatMap(issue => {
    const path = issue.path.map(String)
    if (issue.code !== 'unrecognized_keys') return [{ field: [root, ...path].join('.'), message: issue.message }]
    return unknownFields(issue.keys, path, schema, whole).map(({ field, message }) => {
      return { field: `${root}.${field}`, message }
    })
  })
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

/** The schemas that an object at a path may be held against: several where unions lie on the way. */
function objectsAt(schema: unknown, path: readonly string[]): z.ZodObject[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return objectsAt(schema.unwrap(), path)
  if (schema instanceof z.ZodPipe) return objectsAt(schema.in, path)
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(option => objectsAt(option, path))
  const [first, ...rest] = path
  if (schema instanceof z.ZodObject) return first === undefined ? [schema] : objectsAt(schema.shape[first], rest)
  if (schema instanceof z.ZodArray && first !== undefined) return objectsAt(schema.element, rest)
  return []
}

/** Of the schemas that refuse exactly these fields the one that finds least wrong with the value besides. */
function meantOf(objects: readonly z.ZodObject[], value: unknown, keys: readonly string[]): z.ZodObject | undefined {
  const refusals = objects.flatMap(object => {
    const parsed = boundedParse(object, value)
    const issues = parsed.success ? [] : parsed.issues
    const refusesKeys = issues.some(
      issue => issue.code === 'unrecognized_keys' && issue.path.length === 0 && String(issue.keys) === String(keys),
    )
    return refusesKeys ? [{ object, issues: issues.length }] : []
  })
  return refusals.toSorted((a, b) => a.issues - b.issues)[0]?.object
}
