import type { ProblemDocument } from '../schemas/problem.ts'
import { errorCatalogue } from './error-catalogue.ts'
import { mapTexts, type TureenError } from './errors.ts'
import { shortened } from './shortened.ts'

/** Parent path of the pages that explain the error codes. The `type` of a problem points to one of them. */
export const problemPath = '/problems'

/**
 * Returns an error of the catalogue as a problem document (RFC 9457).
 * @param publicPath the prefix of the page that explains the error
 */
export function problemDocument(
  error: TureenError,
  { requestId, publicPath = '' }: { requestId?: string; publicPath?: string } = {},
): ProblemDocument {
  const { status, title } = errorCatalogue[error.code]
  return {
    type: `${publicPath}${problemPath}/${error.code}`,
    title,
    status,
    detail: shortened(error.message, maximumDetail),
    code: error.code,
    ...(requestId === undefined ? {} : { requestId }),
    errors: error.errors.map(cause => mapTexts(cause, text => shortened(text, maximumText))),
  }
}

/** Most characters of `detail`, which may list causes and repeat texts of the request or of a file. */
const maximumDetail = 8_192

/** Most characters of one text of a cause, such as the name of a tensor. */
const maximumText = 1_024
