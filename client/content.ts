import { TureenConnectionError } from './connection-error.ts'
import { type ContentFacts, type Download, downloadFrom, factsOf } from './download.ts'
import type { ApiCall, Exchange } from './exchange.ts'
import type { OperationId, PathValues } from './operations.ts'
import { TureenProblem } from './problem.ts'
import { comesBack, pause, retryDefaults } from './retries.ts'
import type { RequestOptions } from './settings.ts'

/** Options of downloads. */
export type DownloadOptions = RequestOptions & {
  onProgress?: (progress: { received: number; total: number | null }) => void
  /** First and last byte. A part of a file is not verified, since the digest is that of the whole file. */
  range?: { start: number; end?: number }
}

/** An operation that answers with content, and its HEAD operation. */
type ContentOperation<Id extends OperationId, Head extends OperationId> = {
  get: Id
  head: Head
  values: PathValues<Id> & PathValues<Head>
}

/** Starts a download that goes on after a broken connection, and verifies the digest. */
export async function download<Id extends OperationId, Head extends OperationId>(
  exchange: Exchange,
  { get, head, values }: ContentOperation<Id, Head>,
  query: ApiCall['query'] = {},
  options: DownloadOptions = {},
): Promise<Download> {
  const { range, signal, onProgress } = options
  const ask = (headers: Record<string, string>) =>
    exchange.send(get, values, { query, headers, options }, async response => response)
  const first = await ask(range ? { range: `bytes=${range.start}-${range.end ?? ''}` } : {})
  if (range && first.status !== 206) throw new TureenConnectionError('The whole file came in place of the range.')
  const facts = factsOf(first.headers)
  // A server that sends clients to another place for the bytes tells the digest itself.
  const known = facts.sha256 === null ? await headOf(exchange, { get: head, values }, query, options) : facts
  const { etag } = facts
  const resume = (offset: number) =>
    ask({ range: `bytes=${offset}-${range?.end ?? ''}`, ...(etag === null ? {} : { 'if-range': etag }) })
  const { retries, minSeconds, maxSeconds } = { ...retryDefaults, ...exchange.settings.retry }
  return downloadFrom({
    what: `The download of ${Object.values(values).join('/')}`,
    first,
    facts: { ...known, bytes: facts.bytes ?? known.bytes, etag },
    range,
    resume: etag === null ? undefined : resume,
    async mayGoOn(error, failures) {
      if (failures > retries || (error instanceof TureenProblem && !comesBack(error))) return false
      await pause(Math.min(minSeconds * 2 ** (failures - 1) * Math.random(), maxSeconds), signal)
      return true
    },
    silenceSeconds: exchange.silenceSeconds,
    signal,
    onProgress,
  })
}

/** Asks for the facts about content, without the content. */
export function headOf<Id extends OperationId>(
  exchange: Exchange,
  { get, values }: { get: Id; values: PathValues<Id> },
  query: ApiCall['query'] = {},
  options?: RequestOptions,
): Promise<ContentFacts> {
  return exchange.send(get, values, { query, options }, async ({ headers }) => factsOf(headers))
}
