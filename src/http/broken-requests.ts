import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { problemDocument } from '../problem-document.ts'
import { withNewline } from './final-newline.ts'
import { problemMediaType } from './problem-details.ts'

const known: Record<string, { code: ErrorCode; detail: string }> = {
  HPE_HEADER_OVERFLOW: { code: 'TUREEN_HEADERS_TOO_LARGE', detail: 'The request headers have more than 16 KiB.' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'TUREEN_REQUEST_TIMEOUT', detail: 'The request headers did not arrive in time.' },
}

/** Answers what is not HTTP, or too large to be read as HTTP, also with a problem document. There is no request to speak of. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { code, detail } = known[error.code ?? ''] ?? {
    code: 'TUREEN_REQUEST_INVALID',
    detail: 'The request is not valid HTTP.',
  }
  socket.end(answerTo(new TureenError(code, detail)))
}

/** Ends a connection whose request comes in chunks of a few bytes. Reading on, until the client reads the answer, is what costs. */
export function refuseTinyChunks(socket: Socket): void {
  socket.pause()
  if (!socket.writable) return
  const detail =
    'The body comes in chunks of fewer than 8 bytes on average. Send it in larger chunks, such as 64 KiB. Nothing was kept.'
  socket.end(answerTo(new TureenError('TUREEN_BODY_MALFORMED', detail)), () => socket.destroy())
}

function answerTo(problem: TureenError): string {
  const body = withNewline(JSON.stringify(problemDocument(problem)))
  return (
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: ${problemMediaType}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  )
}

/** Answers a request that expects what nobody can promise (RFC 9110, 10.1.1: only 100-continue is defined). */
export function refuseExpectation({ headers }: IncomingMessage, response: ServerResponse): void {
  const problem = new TureenError(
    'TUREEN_EXPECTATION_FAILED',
    `Nothing here can meet the expectation ${headers.expect}; leave the header expect out.`,
  )
  response.writeHead(problem.status, { 'content-type': problemMediaType, connection: 'close' })
  response.end(withNewline(JSON.stringify(problemDocument(problem))))
}
