import { expect } from 'vitest'
import { type ErrorCode, errorCatalogue } from '../../src/error-catalogue.ts'
import { TureenError } from '../../src/errors.ts'
import { expectTypedCauses } from './http-client.ts'

/** Returns the value of `task`, or the error of the catalogue that it throws. Other errors are thrown again. */
export function outcomeOf<Value>(task: () => Value): Value | TureenError {
  try {
    return task()
  } catch (error) {
    if (error instanceof TureenError && Object.hasOwn(errorCatalogue, error.code)) return error
    throw error
  }
}

/** Returns the refusal of `task`. It must have this code, or one of these, and the given words in its text. */
export function refusalOf(task: () => unknown, code: ErrorCode | ErrorCode[], words?: RegExp): TureenError {
  const outcome = outcomeOf(task)
  if (!(outcome instanceof TureenError)) throw new Error(`was accepted, but should be refused with ${code}`)
  expect({ code: outcome.code, detail: outcome.message }).toEqual({
    code: expect.toBeOneOf([code].flat()),
    detail: words ? expect.stringMatching(words) : outcome.message,
  })
  expectTypedCauses(outcome)
  return outcome
}
