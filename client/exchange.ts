import { v4 as randomKey } from 'uuid'
import { filledPath, type Query, queryText } from './addresses.ts'
import { reasonOf, TureenConnectionError } from './connection-error.ts'
import { type OperationId, operationOf, type PathValues } from './operations.ts'
import { startPatience } from './patience.ts'
import { parseProblem, TureenProblem } from './problem.ts'
import { type Repeatable, retryAfterOf, withRetries } from './retries.ts'
import type { ClientSettings, CreationOptions, GuardedOptions, RequestOptions } from './settings.ts'
import { tokenHeaders } from './token.ts'
import type { OnProgress, RequestBody, Transport, TransportRequest } from './transport.ts'

/** The parts of a request that its operation does not give. */
export type ApiCall = {
  query?: Query
  headers?: Readonly<Record<string, string>>
  body?: RequestBody
  onSent?: OnProgress | undefined
  options?: (RequestOptions & CreationOptions & GuardedOptions) | undefined
}

/** Sends the requests of a client. */
export type Exchange = {
  settings: ClientSettings
  silenceSeconds: number
  /**
   * Sends a request, again if that is safe and of use, and reads its answer.
   * @param read reads an answer of success; a connection that breaks meanwhile is a reason to repeat the request
   * @throws TureenProblem, TureenConnectionError, or the reason of the signal
   */
  send<Id extends OperationId, Answer>(
    id: Id,
    values: PathValues<Id>,
    call: ApiCall,
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer>
}

export function createExchange(settings: ClientSettings, transport: Transport): Exchange {
  const base = settings.url.replace(/\/+$/, '')
  const { silenceSeconds = 60, retry = {} } = settings
  return {
    settings,
    silenceSeconds,
    async send(id, values, call, read) {
      const { method, path, keyed, once } = operationOf(id)
      const { body, query = {}, options = {}, onSent } = call
      const url = `${base}${filledPath(path, values)}${queryText(query)}`
      const headers = headersOf(settings, call, keyed ? (options.idempotencyKey ?? randomKey()) : undefined)
      const repeatable: Repeatable = body instanceof ReadableStream ? 'never' : once ? 'refused' : 'always'
      let isAnswerLost = false
      const attempt = async () => {
        const request = { method, url, headers: { ...headers, ...(await tokenHeaders(settings)) } }
        const patience = startPatience(silenceSeconds, isUpload(body) ? undefined : Number(query.wait ?? 0))
        const watched = (progress: { sent: number; total: number | null }) => {
          patience.heard(progress)
          onSent?.(progress)
        }
        try {
          const signal = options.signal ? AbortSignal.any([options.signal, patience.signal]) : patience.signal
          const bodyOf = body === undefined ? {} : { body, onSent: watched }
          const response = await transport({ ...request, signal, ...bodyOf })
          options.onAnswer?.({ status: response.status, headers: response.headers })
          // An earlier attempt has deleted the record, and its answer was lost.
          if (method === 'DELETE' && response.status === 404 && isAnswerLost) return await read(new Response())
          if (!response.ok) throw await refusalOf(response, request)
          return await read(response)
        } catch (error) {
          options.signal?.throwIfAborted()
          if (error instanceof TureenProblem || error instanceof TureenConnectionError) throw error
          isAnswerLost = true
          throw new TureenConnectionError(`${method} ${url} got no answer: ${reasonOf(error)}`, { cause: error })
        } finally {
          patience.end()
        }
      }
      return withRetries(attempt, repeatable, retry, options.signal)
    },
  }
}

function headersOf(settings: ClientSettings, { body, headers, options }: ApiCall, key: string | undefined) {
  const all = new Headers({ ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}), ...headers })
  if (key !== undefined) all.set('idempotency-key', key)
  if (options?.ifMatch !== undefined) all.set('if-match', options.ifMatch)
  for (const each of [settings.headers, options?.headers])
    for (const [name, value] of Object.entries(each ?? {})) all.set(name, value)
  return Object.fromEntries(all)
}

function isUpload(body: RequestBody | undefined): boolean {
  return body !== undefined && typeof body !== 'string'
}

/** Returns an answer that is no success as an error. */
async function refusalOf(response: Response, { method, url }: Pick<TransportRequest, 'method' | 'url'>) {
  const { status, headers } = response
  const text = await response.text()
  const problem = parseProblem(text)
  if (problem) return new TureenProblem(problem, retryAfterOf(headers))
  const beginning = text.replaceAll(/\s+/g, ' ').trim().slice(0, 200)
  const what = `${method} ${url} was answered with ${status}, by something else than Tureen`
  return new TureenConnectionError(beginning ? `${what}: ${beginning}` : `${what}.`, { status })
}

/**
 * Reads an answer as JSON. The server's answers follow its OpenAPI document, whose types these are, and are not checked once more.
 * @throws TureenConnectionError if it is no JSON, such as the page of a proxy
 */
export async function readJson<Answer>(response: Response): Promise<Answer> {
  const type = response.headers.get('content-type') ?? ''
  const text = await response.text()
  if (!/^application\/([\w.-]+\+)?json\b/.test(type)) {
    const what = type === '' ? 'without a content type' : `of the type ${type}`
    throw new TureenConnectionError(`The answer is ${what}, and should be JSON. Check the base URL of the server.`, {
      status: response.status,
    })
  }
  const answer: Answer = JSON.parse(text)
  return answer
}

/** Reads an answer that has no body. */
export async function readNothing(response: Response): Promise<void> {
  await response.body?.cancel()
}
