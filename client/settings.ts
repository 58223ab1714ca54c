import type { RetrySettings } from './retries.ts'
import type { Transport } from './transport.ts'

/** Settings of a client. */
export type ClientSettings = {
  /** Base URL of the server, such as http://127.0.0.1:3000 or https://example.org/tureen. In a page of the same server, `''`. */
  url: string
  /** The token, or a function that returns it for each request. */
  token?: string | (() => string | Promise<string>) | undefined
  /** Headers of every request. */
  headers?: Readonly<Record<string, string>>
  /** By default `fetch`; in browsers XMLHttpRequest for uploads. */
  transport?: Transport
  /** When requests are repeated. */
  retry?: RetrySettings
  /**
   * Seconds after which a connection counts as broken: without an answer, not counting `wait`, or without a byte of an upload, a download or
   * an event stream. The answer to an upload may take any time. The default is 60; an event stream has a byte every 15 seconds.
   */
  silenceSeconds?: number
}

/** Options of every request. */
export type RequestOptions = {
  /** Ends the request, and all that belongs to it. */
  signal?: AbortSignal | undefined
  /** Headers of this request; they win over those of the client. */
  headers?: Readonly<Record<string, string>>
  /** Called with the status and headers of each answer, such as ETag. A repeated request has several. */
  onAnswer?: (answer: { status: number; headers: Headers }) => void
}

/** Options of a request that creates something. */
export type CreationOptions = RequestOptions & {
  /** By default a random one: it makes repeats of this call safe. Name one to make repeats of the whole program safe. */
  idempotencyKey?: string
}

/** Options of a request that changes something only if it has this entity tag. */
export type GuardedOptions = RequestOptions & {
  /** The ETag of the record or content. Otherwise the answer is the problem TUREEN_PRECONDITION_FAILED. */
  ifMatch?: string
}
