import type { z } from 'zod'
import type { ProblemItem } from '../errors.ts'

type Issue = z.core.$ZodIssue

/**
 * Returns an issue of a schema as a cause, with the expected form and the value found.
 * @param whole the value that the issue's path starts from
 */
export function issueCause(issue: Issue, field: string, whole: unknown): ProblemItem {
  const expected = expectedOf(issue)
  const value = issue.path.reduce<unknown>((holder, key) => memberOf(holder, String(key)), whole)
  const actual = shownValue(issue.code === 'invalid_key' ? issue.path.at(-1) : value)
  return {
    field,
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
    message: issue.message,
  }
}

/** Returns an own property of a value; undefined if there is none with this name. */
export function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

/** Returns the form that a schema expects at an issue, in words; undefined if only its message tells it. */
function expectedOf(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected
    case 'invalid_value':
      return issue.values.map(String).join(', ')
    case 'too_big':
      return `${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}${unitOf(issue.origin)}`
    case 'too_small':
      return `${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`
    case 'invalid_format':
      return issue.pattern ?? issue.format
    default:
      return undefined
  }
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters'
  return ['array', 'set', 'map', 'record', 'object'].includes(origin) ? ' entries' : ''
}

/** Returns a value as a short text, with counts for lists and objects; undefined if there is no value. */
function shownValue(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return `an object of ${Object.keys(value).length}`
  return String(value)
}
