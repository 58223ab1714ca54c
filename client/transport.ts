/** The body of a request. A stream can be sent once only, so that a request with one is never repeated. */
export type RequestBody = string | Blob | ReadableStream<Uint8Array<ArrayBuffer>>

/** Called while a body is sent. `sent`: bytes so far; `total`: bytes in all, null if unknown. */
export type OnProgress = (progress: { sent: number; total: number | null }) => void

/** A request, as a {@link Transport} takes it. */
export type TransportRequest = {
  method: string
  /** The base URL of the client, followed by path and query. */
  url: string
  /** Names are in lower case. */
  headers: Record<string, string>
  body?: RequestBody
  signal: AbortSignal
  onSent?: OnProgress
}

/**
 * Sends a request and resolves with the answer as soon as its headers are there. It rejects if there is no answer, and with the reason of
 * the signal if that aborts.
 */
export type Transport = (request: TransportRequest) => Promise<Response>

/** Returns the bytes of a body; null if unknown. */
export function bodyBytes(body: RequestBody): number | null {
  if (body instanceof Blob) return body.size
  return typeof body === 'string' ? new Blob([body]).size : null
}

/** Bytes of one piece of a Blob. Streams of Node give a Blob in memory as a single piece. */
const pieceBytes = 64 * 1024

/** Yields the bytes of a Blob, piece by piece. */
export async function* piecesOf(blob: Blob): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let start = 0; start < blob.size; start += pieceBytes)
    yield new Uint8Array(await blob.slice(start, start + pieceBytes).arrayBuffer())
}

/** Returns a body as a stream that reports each piece as the transport takes it. */
export function watchedStream(body: RequestBody, onSent?: OnProgress): ReadableStream<Uint8Array<ArrayBuffer>> {
  const total = bodyBytes(body)
  const reader = body instanceof ReadableStream ? body.getReader() : undefined
  const pieces = body instanceof ReadableStream ? undefined : piecesOf(new Blob([body]))
  let sent = 0
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const piece = await (reader?.read() ?? pieces?.next())
        if (!piece?.value) return controller.close()
        controller.enqueue(piece.value)
        sent += piece.value.byteLength
        onSent?.({ sent, total })
      },
      async cancel(reason) {
        await reader?.cancel(reason)
        await pieces?.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}
