import type { ProblemDocument } from '../schemas/problem.ts'
import { errorCatalogue, type TureenError } from './errors.ts'

/** Where the server has its README, so that the `type` of a problem can be followed. */
export const readmePath = '/readme'

/** An error of the catalogue as a problem document (RFC 9457). */
export function problemDocument(error: TureenError, requestId?: string): ProblemDocument {
  const { status, title } = errorCatalogue[error.code]
  return {
    type: `${readmePath}#${error.code.toLowerCase()}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    ...(requestId === undefined ? {} : { requestId }),
    errors: error.errors,
  }
}
