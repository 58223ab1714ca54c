import type { ProblemCause, ProblemDocument } from '../schemas/problem.ts'

/** An error of the API, as its problem document (RFC 9457) says it. Decide by `code`: it is stable. */
export class TureenProblem extends Error {
  override readonly name = 'TureenProblem'
  /** HTTP status, such as 422. */
  readonly status: number
  /** Stable name of the error, such as TUREEN_NOT_FOUND. */
  readonly code: string
  readonly title: string
  /** Finding, expectation and remedy, in words. */
  readonly detail: string
  /** Path of the page that explains the code. */
  readonly type: string
  /** Every cause, with the names and values of its message as fields. */
  readonly errors: readonly ProblemCause[]
  /** Id of the request in the log of the server. */
  readonly requestId: string | undefined
  /** Seconds after which the server expects the request again; undefined if it does not say. */
  readonly retryAfter: number | undefined

  constructor({ status, code, title, detail, type, errors, requestId }: ProblemDocument, retryAfter?: number) {
    super(detail)
    this.status = status
    this.code = code
    this.title = title
    this.detail = detail
    this.type = type
    this.errors = errors
    this.requestId = requestId
    this.retryAfter = retryAfter
  }
}

/** Returns a text as a problem document; undefined if it is another document, such as the page of a proxy. */
export function parseProblem(text: string): ProblemDocument | undefined {
  try {
    const document: unknown = JSON.parse(text)
    return isProblem(document) ? document : undefined
  } catch {
    return undefined
  }
}

function isProblem(document: unknown): document is ProblemDocument {
  if (typeof document !== 'object' || document === null) return false
  const texts = ['type', 'title', 'detail', 'code'].map((name): unknown => Reflect.get(document, name))
  const status: unknown = Reflect.get(document, 'status')
  const errors: unknown = Reflect.get(document, 'errors')
  return texts.every(text => typeof text === 'string') && typeof status === 'number' && Array.isArray(errors)
}
