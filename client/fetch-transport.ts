import { bodyBytes, type Transport, type TransportRequest, watchedStream } from './transport.ts'

/** The part of `fetch` that {@link fetchTransport} needs. */
export type FetchFunction = (url: string, init: RequestInit) => Promise<Response>

/**
 * Returns a transport over `fetch`. Outside of browsers it reports the progress of uploads; browsers cannot stream a body over HTTP/1.1.
 * @param send a function like `fetch`, for those who need a proxy or certificates of their own
 */
export function fetchTransport(send?: FetchFunction): Transport {
  // Look fetch up for each request: tests and instrumentation replace it.
  const fetchNow: FetchFunction = send ?? ((url, init) => fetch(url, init))
  return request => fetchNow(request.url, initOf(request))
}

function initOf({ method, headers, body, signal, onSent }: TransportRequest): RequestInit {
  if (body === undefined) return { method, headers, signal }
  // A short text is there at once, and browsers stream no body over HTTP/1.1.
  const isWhole = typeof body === 'string' || (body instanceof Blob && 'XMLHttpRequest' in globalThis)
  if (isWhole) return { method, headers, signal, body }
  const bytes = bodyBytes(body)
  const stream = watchedStream(body, onSent)
  // With its length the server sees at once whether the body is too large.
  const length = bytes === null ? {} : { 'content-length': String(bytes) }
  // The types of browsers do not know `duplex`, which a stream needs.
  const streamed = { method, headers: { ...headers, ...length }, signal, body: stream, duplex: 'half' } as const
  return streamed
}
