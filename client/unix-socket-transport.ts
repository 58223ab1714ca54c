import { Agent, type IncomingMessage, request as sendRequest } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { bodyBytes, type Transport, type TransportRequest, watchedStream } from './transport.ts'

/**
 * Returns a transport to a server on a Unix socket, by node:http. The base URL of the client then only gives the header Host, such as
 * http://localhost.
 */
export function unixSocketTransport(socketPath: string): Transport {
  const agent = new Agent({ keepAlive: true })
  return request => exchange(request, socketPath, agent)
}

function exchange(
  { method, url, headers, body, signal, onSent }: TransportRequest,
  socketPath: string,
  agent: Agent,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { host, pathname, search } = new URL(url)
    const bytes = body === undefined ? 0 : bodyBytes(body)
    const length = body === undefined || bytes === null ? {} : { 'content-length': String(bytes) }
    const sent = sendRequest({
      socketPath,
      agent,
      method,
      path: `${pathname}${search}`,
      headers: { host, ...headers, ...length },
      signal,
    })
    const fail = (error: unknown) => reject(signal.aborted ? signal.reason : error)
    sent.once('response', answer => resolve(responseOf(answer, method)))
    sent.on('error', fail)
    // An answer may come before the body is sent, and end the sending.
    if (body === undefined) sent.end()
    else pipeline(Readable.from(pieces(watchedStream(body, onSent))), sent).catch(fail)
  })
}

async function* pieces(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* stream
}

/** Statuses whose answers have no body. */
const bodyless = [204, 205, 304]

function responseOf(answer: IncomingMessage, method: string): Response {
  const { statusCode: status = 0, rawHeaders } = answer
  const headers = new Headers()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
  if (bodyless.includes(status) || method === 'HEAD') {
    answer.resume()
    return new Response(null, { status, headers })
  }
  return new Response(webStream(answer), { status, headers })
}

/** Returns the body of an answer as a web stream. It fails if the connection breaks before the end. */
function webStream(answer: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = answer[Symbol.asyncIterator]()
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await pieces.next()
        if (done) controller.close()
        else controller.enqueue(new Uint8Array(value))
      },
      async cancel() {
        answer.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}
