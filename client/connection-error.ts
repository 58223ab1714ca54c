/** A request got no answer of Tureen: no connection, a broken one, silence, or an answer of something else, such as a proxy. */
export class TureenConnectionError extends Error {
  override readonly name: string = 'TureenConnectionError'
  /** HTTP status of an answer that is not Tureen's; undefined if there was no answer. */
  readonly status: number | undefined

  constructor(message: string, { status, cause }: { status?: number; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.status = status
  }
}

/** Downloaded bytes do not have the digest that the server declares. Discard them and download again. */
export class TureenDigestError extends TureenConnectionError {
  override readonly name = 'TureenDigestError'
  /** The declared digest: `sha256:<hex>`. */
  readonly expected: string
  /** The digest of the bytes: `sha256:<hex>`. */
  readonly actual: string

  constructor(what: string, expected: string, actual: string) {
    super(
      `${what} was damaged on its way: its digest is ${actual}, and the server declares ${expected}. Download it again.`,
    )
    this.expected = expected
    this.actual = actual
  }
}

/** Returns why an exchange failed, in words. `fetch` keeps the reason in the cause of its error. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause, message } = error
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0])
  return cause instanceof Error ? reasonOf(cause) : message || error.name
}
