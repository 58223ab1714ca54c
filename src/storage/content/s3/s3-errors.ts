import { S3ServiceException } from '@aws-sdk/client-s3'
import pRetry from 'p-retry'
import { asTureenError, TureenError } from '../../../errors.ts'

/** HTTP status of the server's answer to a failed request; undefined if it did not answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
}

/** True if the S3 server says that there is no such object. A missing bucket is another failure. */
export function isMissingObject(error: unknown): boolean {
  return statusOf(error) === 404 && !(error instanceof Error && error.name === 'NoSuchBucket')
}

/** HTTP statuses below 500 that may pass: another request for the same object runs, and too many requests. */
const passing: ReadonlySet<number> = new Set([409, 429])

/** True if the S3 server was silent for too long. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}

/**
 * Runs a step with requests up to three times, while it fails for a reason that may pass. The SDK itself cannot repeat a body that it reads
 * from a file. A silent server ends the step: callers learn soon that it is frozen.
 */
export function retrying<Result>(run: () => Promise<Result>): Promise<Result> {
  const mayPass = ({ error }: { error: unknown }) => {
    const status = statusOf(error) ?? 500
    return !isLocal(error) && !isSilence(error) && status !== 501 && (status >= 500 || passing.has(status))
  }
  return pRetry(run, { retries: 2, minTimeout: 200, shouldRetry: mayPass })
}

/** Runs a request to the S3 server. @throws TureenError `TUREEN_CONTENT_UNAVAILABLE`; the reason of `signal` once it fired */
export async function asking<Answer>(request: () => Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
  try {
    return await request()
  } catch (error) {
    signal?.throwIfAborted()
    throw isLocal(error) ? error : unavailable(error)
  }
}

/** True for errors of this server: refusals, and failures of its own files. */
function isLocal(error: unknown): boolean {
  return asTureenError(error).code !== 'TUREEN_INTERNAL' || (error instanceof Error && 'path' in error)
}

/** Returns the failure of the S3 server as an error of the catalogue. */
function unavailable(error: unknown): TureenError {
  const { name, message } = error instanceof Error ? error : { name: 'unknown', message: String(error) }
  const status = statusOf(error)
  const actual = status === undefined ? name : `${status} ${name}`
  const finding = `the S3 server cannot be used (${actual})`
  return new TureenError(
    'TUREEN_CONTENT_UNAVAILABLE',
    `Content is not available: ${finding}. Try again after the seconds in Retry-After. If it stays so, check TUREEN_CONTENT, the credentials and the S3 server.`,
    [{ field: 'TUREEN_CONTENT', expected: 'an S3 server that answers', actual, message: `${finding}: ${message}` }],
    { cause: error },
  )
}
