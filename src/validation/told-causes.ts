import type { z } from 'zod'
import { mapTexts, type ProblemItem } from '../errors.ts'
import { shortened } from '../shortened.ts'
import type { Findings } from './bounded-parse.ts'

/** Most causes in one refusal. */
const maximumCauses = 20

/** Most characters that a refusal repeats of a text of the request, such as the name of a field. */
const maximumCharacters = 300

/** The first 20 causes, with shortened texts. `list`: the same causes in one text, and the number of further ones. */
export type ToldCauses = { errors: ProblemItem[]; list: string }

/** Returns the first 20 causes of a refusal, shortened. */
export function toldCauses(causes: readonly ProblemItem[]): ToldCauses {
  return told(causes.slice(0, maximumCauses), causes.length, false)
}

/**
 * Returns the first 20 causes among the issues of a schema, shortened.
 * @param causesOf returns the causes of one issue, of many unknown fields at least the first 20; it is not called for issues that are only
 * counted
 */
export function toldFindings(
  { issues, isCut }: Findings,
  causesOf: (issue: z.core.$ZodIssue) => readonly ProblemItem[],
): ToldCauses {
  const causes: ProblemItem[] = []
  let count = 0
  for (const issue of issues) {
    const own = causes.length < maximumCauses ? causesOf(issue) : []
    causes.push(...own.slice(0, maximumCauses - causes.length))
    count += issue.code === 'unrecognized_keys' ? issue.keys.length : Math.max(1, own.length)
  }
  return told(causes, count, isCut)
}

function told(causes: readonly ProblemItem[], count: number, isCut: boolean): ToldCauses {
  const errors = causes.map(cause => mapTexts(cause, text => shortened(text, maximumCharacters)))
  const list = errors.map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`)).join('; ')
  const more = count - errors.length
  return { errors, list: more > 0 ? `${list}; and ${isCut ? 'at least ' : ''}${more} more` : list }
}
