import type { z } from 'zod'
import type { ProblemItem } from '../errors.ts'

type Issue = z.core.$ZodIssue

/**
 * A finding of a schema as a cause, with what the schema takes there and the value that it found.
 * @param whole the value that the issue's path starts from
 */
export function issueCause(issue: Issue, field: string, whole: unknown): ProblemItem {
  const expected = expectedOf(issue)
  const actual = shownValue(issue.path.reduce<unknown>((holder, key) => memberOf(holder, String(key)), whole))
  return {
    field,
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
    message: issue.message,
  }
}

/** An own property of a value; undefined if it has none of this name. */
export function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

/** What a schema takes where it found something else; undefined where only its message tells. */
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

/** A value in few characters: lists and objects are counted. Undefined if there is none. */
function shownValue(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return `an object of ${Object.keys(value).length}`
  return String(value)
}
