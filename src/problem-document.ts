import type { ProblemDocument } from '../schemas/problem.ts'
import { errorCatalogue } from './error-catalogue.ts'
import type { TureenError } from './errors.ts'

/** The path below which the server explains each error code: the `type` of a problem points there. */
export const problemPath = '/problems'

/** An error of the catalogue as a problem document (RFC 9457). */
export function problemDocument(error: TureenError, requestId?: string): ProblemDocument {
  const { status, title } = errorCatalogue[error.code]
  return {
    type: `${problemPath}/${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    ...(requestId === undefined ? {} : { requestId }),
    errors: error.errors,
  }
}
