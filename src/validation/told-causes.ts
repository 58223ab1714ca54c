import type { z } from 'zod'
import type { ProblemItem } from '../errors.ts'
import { shortened } from '../shortened.ts'
import type { Findings } from './bounded-parse.ts'

/** Causes that one refusal tells of. */
const maximumCauses = 20

/** Characters of a text of the request, such as the name of a field, that a refusal repeats. */
const maximumCharacters = 300

/** Causes as an answer tells them: the first 20, their texts shortened. `list`: these in one text, and how many more there are. */
export type ToldCauses = { errors: ProblemItem[]; list: string }

/** Tells the first causes of a refusal. */
export function toldCauses(causes: readonly ProblemItem[]): ToldCauses {
  return told(causes.slice(0, maximumCauses), causes.length, false)
}

/**
 * Tells the first of what a schema has found.
 * @param causesOf the causes of one finding; it is not asked for those that are only counted
 */
export function toldFindings(
  { issues, isCut }: Findings,
  causesOf: (issue: z.core.$ZodIssue) => readonly ProblemItem[],
): ToldCauses {
  const causes: ProblemItem[] = []
  let count = 0
  for (const issue of issues) {
    const isTold = causes.length < maximumCauses
    const own = isTold ? causesOf(issue) : []
    causes.push(...own.slice(0, maximumCauses - causes.length))
    count += isTold ? own.length : issue.code === 'unrecognized_keys' ? issue.keys.length : 1
  }
  return told(causes, count, isCut)
}

function told(causes: readonly ProblemItem[], count: number, isCut: boolean): ToldCauses {
  const errors = causes.map(({ field, message, ...rest }) => ({
    ...rest,
    ...(field === undefined ? {} : { field: shortened(field, maximumCharacters) }),
    message: shortened(message, maximumCharacters),
  }))
  const list = errors.map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`)).join('; ')
  const more = count - errors.length
  return { errors, list: more > 0 ? `${list}; and ${isCut ? 'at least ' : ''}${more} more` : list }
}
