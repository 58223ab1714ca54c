import { z } from 'zod'
import type { ProblemItem } from './errors.ts'
import { nearest } from './nearest.ts'
import { boundedParse } from './validation/bounded-parse.ts'
import { issueCause, memberOf } from './validation/issue-cause.ts'

/** Most unknown fields of one object that are told. Each costs a comparison with all known names. */
const maximumTold = 20

/**
 * Returns one refusal for each of the first 20 fields that a schema does not have, with the nearest known field.
 *
 * @param keys the unknown fields of the object at `path` in `whole`
 * @param schema the schema that `whole` was checked with
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
  const expected = known?.join(', ')
  return keys.slice(0, maximumTold).map(key => {
    const near = nearest(key, known ?? [])
    const place = { field: [...path, key].join('.'), actual: key, ...(expected ? { expected } : {}) }
    if (near !== undefined) return { ...place, message: `is not known; the nearest that is: ${near}` }
    return { ...place, message: known?.length === 0 ? 'is not known; none is' : 'is not known' }
  })
}

/**
 * Returns the issues of a schema as causes, with the path of each field from `root` on.
 *
 * @param whole the value that the schema refused
 */
export function invalidFields(
  issues: readonly z.core.$ZodIssue[],
  root: string,
  schema: unknown,
  whole: unknown,
): ProblemItem[] {
  return issues.flatMap(issue => {
    const path = issue.path.map(String)
    if (issue.code !== 'unrecognized_keys') return [issueCause(issue, [root, ...path].join('.'), whole)]
    return unknownFields(issue.keys, path, schema, whole).map(item => ({ ...item, field: `${root}.${item.field}` }))
  })
}

/** Returns the object schemas at a path; more than one if the path crosses a union. */
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

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((key, index) => key === other[index])
}

/** Returns the schema that the client probably meant: it refuses exactly these fields, and has the fewest other issues. */
function meantOf(objects: readonly z.ZodObject[], value: unknown, keys: readonly string[]): z.ZodObject | undefined {
  // To parse tens of thousands of unknown fields once more takes milliseconds.
  if (objects.length <= 1) return objects[0]
  const refusals = objects.flatMap(object => {
    const parsed = boundedParse(object, value)
    const issues = parsed.success ? [] : parsed.issues
    const refusesKeys = issues.some(
      issue => issue.code === 'unrecognized_keys' && issue.path.length === 0 && isSameList(issue.keys, keys),
    )
    return refusesKeys ? [{ object, issues: issues.length }] : []
  })
  return refusals.toSorted((a, b) => a.issues - b.issues)[0]?.object
}
