import { fetchTransport } from './fetch-transport.ts'
import type { RequestBody, Transport, TransportRequest } from './transport.ts'

/** The part of XMLHttpRequest that {@link xhrTransport} needs. */
export type UploadRequest = {
  readonly upload: {
    addEventListener(
      type: 'progress',
      listener: (event: { loaded: number; lengthComputable: boolean; total: number }) => void,
    ): void
  }
  addEventListener(type: 'load' | 'error' | 'abort', listener: () => void): void
  responseType: string
  readonly response: unknown
  readonly status: number
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  getAllResponseHeaders(): string
  send(body: string | Blob): void
  abort(): void
}

/**
 * Returns the transport of browsers: uploads by XMLHttpRequest, which alone reports their progress, and all other requests by fetch.
 * @param Request the class XMLHttpRequest
 */
export function xhrTransport(Request: new () => UploadRequest, others: Transport = fetchTransport()): Transport {
  return async request => {
    const { body } = request
    if (body === undefined || typeof body === 'string') return others(request)
    return sendUpload(new Request(), request, await wholeBody(body))
  }
}

/** A browser sends no stream over HTTP/1.1. It may keep a large Blob on disk. */
async function wholeBody(body: Exclude<RequestBody, string>): Promise<Blob> {
  return body instanceof Blob ? body : new Response(body).blob()
}

function sendUpload(
  upload: UploadRequest,
  { method, url, headers, signal, onSent }: TransportRequest,
  body: Blob,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const abort = () => upload.abort()
    const ended = (end: () => void) => () => {
      signal.removeEventListener('abort', abort)
      end()
    }
    upload.addEventListener(
      'load',
      ended(() => resolve(responseOf(upload))),
    )
    upload.addEventListener(
      'error',
      ended(() => reject(new TypeError('the connection broke, or there was none'))),
    )
    upload.addEventListener(
      'abort',
      ended(() => reject(signal.reason)),
    )
    if (onSent)
      upload.upload.addEventListener('progress', ({ loaded, lengthComputable, total }) =>
        onSent({ sent: loaded, total: lengthComputable ? total : null }),
      )
    signal.throwIfAborted()
    signal.addEventListener('abort', abort, { once: true })
    upload.open(method, url)
    upload.responseType = 'blob'
    for (const [name, value] of Object.entries(headers)) upload.setRequestHeader(name, value)
    upload.send(body)
  })
}

function responseOf(upload: UploadRequest): Response {
  const { status, response } = upload
  const headers = new Headers()
  for (const line of upload.getAllResponseHeaders().split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  const hasBody = response instanceof Blob && response.size > 0
  return new Response(hasBody ? response : null, { status, headers })
}

/** True for the class XMLHttpRequest of a browser. */
export function isUploadClass(value: unknown): value is new () => UploadRequest {
  return typeof value === 'function' && value.name === 'XMLHttpRequest'
}
