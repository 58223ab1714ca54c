import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ErrorCode } from '../error-catalogue.ts'
import { type Place, TureenError } from '../errors.ts'
import { ownTurn } from '../own-turn.ts'
import { problemDocument } from '../problem-document.ts'
import type { BodyDrain } from './body-drain.ts'
import { withNewline } from './final-newline.ts'
import { problemMediaType } from './problem-details.ts'

/** Meaning of Node's errors for requests that it gave up. `advice` completes a sentence. */
type Broken = { code: ErrorCode; place: Place & { field: string }; message: string; advice: string }

/** Node's error for headers that do not arrive in time. */
export const headersTimeout = 'ERR_HTTP_REQUEST_TIMEOUT'

const known: Record<string, Broken> = {
  HPE_HEADER_OVERFLOW: {
    code: 'TUREEN_HEADERS_TOO_LARGE',
    place: { field: 'headers', expected: '16 KiB at most' },
    message: 'the request headers have more than 16 KiB',
    advice: 'Send fewer or shorter headers',
  },
  [headersTimeout]: {
    code: 'TUREEN_REQUEST_TIMEOUT',
    place: { field: 'headers' },
    message: 'the request headers did not arrive in time',
    advice: 'Send all of them at once',
  },
}

/**
 * Returns the handler of bytes that are not HTTP, and of headers that are too large. It answers with a problem document. Node has no request
 * object for them.
 * @param drain reads what the client still sends
 * @param begun connections on which a request has begun
 */
export function answerBrokenRequest(
  publicPath: string,
  { drainConnection }: Pick<BodyDrain, 'drainConnection'>,
  begun: WeakSet<Socket>,
): (error: NodeJS.ErrnoException, socket: Socket) => void {
  const drained = new WeakSet<Socket>()
  /** Answers by Node's code of the error: a flood of broken requests must not cost a flood of errors with stacks. */
  const answers = new Map<string, string>()
  const answerOf = (error: ParserError) => {
    const { code = 'unknown' } = error
    const target = known[code] ? undefined : badTarget(error)
    if (target !== undefined) return answerText(notEncoded(target), publicPath)
    const answer = answers.get(code) ?? answerText(known[code] ?? notHttp(code), publicPath)
    answers.set(code, answer)
    return answer
  }
  const answer = (error: ParserError, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    socket.end(answerOf(error))
    if (undrained.has(error.code ?? '')) {
      const timer = setTimeout(() => socket.destroy(), lastMilliseconds).unref()
      socket.once('close', () => clearTimeout(timer))
      return
    }
    drained.add(socket)
    void drainConnection(socket).then(() => socket.destroy())
  }
  return (error, socket) => {
    // Node reports all that follows a mistake as further mistakes.
    if (drained.has(socket)) return
    // Thousands of clients may break off their headers together. A request that has begun holds more, and ends at once.
    if (error.code === brokenOff && !begun.has(socket)) void ownTurn().then(() => answer(error, socket))
    else answer(error, socket)
  }
}

/** Node's error for a connection that its client ends within a request. */
const brokenOff = 'HPE_INVALID_EOF_STATE'

/**
 * Node's errors after which the server reads on only to the end of the connection. A reader of a body in chunks must hear soon that the body
 * is broken off, and headers that come after their time must not become a request.
 */
const undrained = new Set([headersTimeout, 'HPE_INVALID_CHUNK_SIZE', brokenOff, 'HPE_STRICT'])

/** Time for such a client to read its answer. One that keeps its side open would hold the connection without end. */
const lastMilliseconds = 5_000

/** An error of Node's parser. `rawPacket`: the bytes that it was reading. */
type ParserError = NodeJS.ErrnoException & { rawPacket?: Buffer; bytesParsed?: number }

function answerText({ code, place, message, advice }: Broken, publicPath: string): string {
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`
  return answerTo(new TureenError(code, `${sentence}. ${advice}.`, [{ ...place, message }]), publicPath)
}

function notEncoded(target: string): Broken {
  return {
    code: 'TUREEN_REQUEST_INVALID',
    place: { field: 'path', expected: 'percent-encoded UTF-8', actual: target },
    message: 'the address has characters that are not percent-encoded',
    advice: 'Encode the UTF-8 bytes of each, such as %C3%A9 for \u00e9 and %20 for a space',
  }
}

/** @param code of Node's parser */
function notHttp(code: string): Broken {
  return {
    code: 'TUREEN_REQUEST_INVALID',
    place: { field: 'request', expected: 'HTTP/1.1', actual: code },
    message: `the request is not valid HTTP (${code})`,
    advice: 'Send HTTP/1.1',
  }
}

/** Returns the request target that the parser stopped in, if it has characters that no URL has; undefined otherwise. */
function badTarget({ rawPacket, bytesParsed = 0 }: ParserError): string | undefined {
  if (rawPacket === undefined) return undefined
  const start = rawPacket.lastIndexOf('\n', Math.max(0, bytesParsed - 1)) + 1
  const end = rawPacket.indexOf('\n', start)
  const line = rawPacket.toString('utf8', start, end < 0 ? rawPacket.length : end)
  const target = /^[A-Z]+ ((?:\/|https?:).*?)(?: HTTP\/[\d.]+)?\r?$/s.exec(line)?.[1]
  return target !== undefined && /[^\x21-\x7e]/.test(target) ? target : undefined
}

/** Answers a request whose body comes in tiny chunks, and stops to read it: reading many tiny chunks costs too much processor time. */
export function refuseTinyChunks(socket: Socket, publicPath: string): void {
  socket.pause()
  if (!socket.writable) return
  const message = 'the body comes in chunks of fewer than 8 bytes on average'
  const detail = `T${message.slice(1)}. Nothing was kept. Send larger chunks, such as 64 KiB.`
  const cause = { field: 'transfer-encoding', expected: 'chunks of 8 bytes at least', message }
  socket.end(answerTo(new TureenError('TUREEN_BODY_MALFORMED', detail, [cause]), publicPath), () => socket.destroy())
}

function answerTo(problem: TureenError, publicPath: string): string {
  const body = withNewline(JSON.stringify(problemDocument(problem, { publicPath })))
  return (
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: ${problemMediaType}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  )
}

/** Returns the handler that refuses requests with an unknown expectation. RFC 9110 (10.1.1) defines only 100-continue. */
export function refuseExpectation(
  publicPath: string,
  { drain }: Pick<BodyDrain, 'drain'>,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const actual = request.headers.expect ?? ''
    const message = `the header expect is ${actual}; the server knows 100-continue alone`
    const problem = new TureenError(
      'TUREEN_EXPECTATION_FAILED',
      `The server cannot meet the expectation: ${message}. Leave the header out.`,
      [{ field: 'expect', expected: '100-continue', actual, message }],
    )
    const body = withNewline(JSON.stringify(problemDocument(problem, { publicPath })))
    const length = Buffer.byteLength(body)
    response.writeHead(problem.status, {
      'content-type': problemMediaType,
      'content-length': length,
      connection: 'close',
    })
    response.write(body)
    void drain(request).then(() => response.end())
  }
}
