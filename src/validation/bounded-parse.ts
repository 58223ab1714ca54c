import { z } from 'zod'
import { excessIn, isObject, withoutWrapping } from './excess.ts'

const { $ZodArray, $ZodNever, $ZodNumber, $ZodObject, $ZodRecord } = z.core

type Schema = z.core.$ZodType
type Issue = z.core.$ZodIssue
type Path = PropertyKey[]

/** The first issues that a schema finds in a value. `isCut`: true if the rest of the value was not checked. */
export type Findings = { issues: Issue[]; isCut: boolean }

export type Parsed<Output> = { success: true; data: Output } | ({ success: false } & Findings)

/** Number of issues after which the check ends, those inside of unions included. Each takes microseconds. */
const maximumFindings = 500

/** Number of items that are checked first of a list that has no check item by item. */
const firstItems = 64

/** Number of numbers that are checked at a time, which takes a tenth of the time of a check one by one. */
const numbersAtOnce = 256

/**
 * Parses a value as the schema's `safeParse` does, but in bounded time. It counts the entries of all lists and maps before it checks
 * them, and ends after 500 issues. Zod alone finds every issue, which takes seconds for a megabyte of mistakes.
 */
export function boundedParse<Output>(schema: z.ZodType<Output>, value: unknown): Parsed<Output> {
  const excess = excessIn(schema, value)
  if (excess) return { success: false, issues: [excess], isCut: false }
  const found = createFindings()
  look(schema, value, [], found)
  const { issues } = found
  if (issues.length > 0) return { success: false, issues, isCut: found.isFull() }
  const { success, data, error } = schema.safeParse(value)
  return success ? { success, data } : { success, issues: error.issues, isCut: false }
}

type Found = ReturnType<typeof createFindings>

function createFindings() {
  const issues: Issue[] = []
  let weight = 0
  return {
    issues,
    isFull: () => weight >= maximumFindings,
    add(issue: Issue) {
      issues.push(issue)
      weight += weightOf(issue)
    },
  }
}

/** Returns the number of findings in an issue, those inside of a union included. */
function weightOf(issue: Issue): number {
  if (issue.code === 'unrecognized_keys') return issue.keys.length
  if (issue.code !== 'invalid_union') return 1
  return 1 + weightOfAll(issue.errors.flat())
}

function weightOfAll(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + weightOf(issue), 0)
}

/**
 * Adds the issues that `safeParse` would find. Refinements of whole lists, maps and objects are left to the parse afterwards.
 * @param path the place of the value; unchanged after the call
 */
function look(outer: Schema, value: unknown, path: Path, found: Found): void {
  if (found.isFull()) return
  const schema = withoutWrapping(outer)
  if (schema instanceof $ZodArray && Array.isArray(value)) lookAtList(schema, value, path, found)
  else if (schema instanceof $ZodObject && isObject(value)) lookAtObject(schema, value, path, found)
  else if (schema instanceof $ZodRecord && isObject(value)) lookAtMap(schema, value, path, found)
  else lookAtWhole(outer, value, path, found)
}

function lookInside(schema: Schema, value: unknown, key: PropertyKey, path: Path, found: Found): void {
  path.push(key)
  look(schema, value, path, found)
  path.pop()
}

/** Checks a value that has no members to check one by one. A union is such a value: its own message covers all of its forms. */
function lookAtWhole(schema: Schema, value: unknown, path: Path, found: Found): void {
  const issuesOf = (part: unknown) => z.core.safeParse(schema, part).error?.issues ?? []
  const beginning = Array.isArray(value) && value.length > firstItems ? issuesOf(value.slice(0, firstItems)) : []
  // A list full of mistakes needs no check of its rest.
  const issues = weightOfAll(beginning) >= maximumFindings ? beginning : issuesOf(value)
  for (const issue of issues) found.add({ ...issue, path: [...path, ...issue.path] })
}

function lookAtList(schema: z.core.$ZodArray, list: readonly unknown[], path: Path, found: Found): void {
  if (list.length > numbersAtOnce && schema._zod.def.element instanceof $ZodNumber) {
    lookAtNumbers(schema._zod.def.element, list, path, found)
    return
  }
  for (const [index, each] of list.entries()) {
    if (found.isFull()) return
    lookInside(schema._zod.def.element, each, index, path, found)
  }
}

function lookAtNumbers(element: z.core.$ZodNumber, list: readonly unknown[], path: Path, found: Found): void {
  const numbers = z.array(element)
  for (let start = 0; start < list.length && !found.isFull(); start += numbersAtOnce) {
    const { error } = z.core.safeParse(numbers, list.slice(start, start + numbersAtOnce))
    for (const issue of error?.issues ?? []) {
      if (found.isFull()) return
      const [index, ...inside] = issue.path
      found.add({ ...issue, path: [...path, start + Number(index), ...inside] })
    }
  }
}

function lookAtMap(schema: z.core.$ZodRecord, map: object, path: Path, found: Found): void {
  const { keyType, valueType } = schema._zod.def
  for (const [key, each] of Object.entries(map)) {
    if (found.isFull()) return
    const { error } = z.core.safeParse(keyType, key)
    if (error) {
      const message = error.issues.map(issue => issue.message).join('; ')
      found.add({ code: 'invalid_key', origin: 'record', issues: error.issues, path: [...path, key], message })
    }
    lookInside(valueType, each, key, path, found)
  }
}

function lookAtObject(schema: z.core.$ZodObject, object: object, path: Path, found: Found): void {
  const { shape, catchall } = schema._zod.def
  for (const [key, field] of Object.entries(shape)) lookInside(field, Reflect.get(object, key), key, path, found)
  if (!(catchall instanceof $ZodNever)) return
  const keys = Object.keys(object).filter(key => !Object.hasOwn(shape, key))
  if (keys.length > 0)
    found.add({ code: 'unrecognized_keys', keys, path: [...path], message: 'The object has unknown fields' })
}
