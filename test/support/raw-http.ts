import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { expectTypedCauses } from './http-client.ts'

/** Opens a connection on which a test can send any bytes. */
export async function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

export type RawAnswer = { status: number; headers: Record<string, string>; body: string; text: string }

/** Reads an answer. It must be a problem of this status and code, with causes that have typed fields. */
export function expectProblem(
  { status, headers, body, text }: RawAnswer,
  expected: number,
  code: string,
): ProblemDocument {
  expect({ status, text }).toMatchObject({ status: expected })
  expect(headers['content-type']).toMatch(/^application\/problem\+json/)
  const problem: ProblemDocument = JSON.parse(body)
  expect(problem).toMatchObject({
    status: expected,
    code,
    title: expect.any(String),
    detail: expect.stringMatching(/\S/),
  })
  expectTypedCauses(problem)
  return problem
}

/** Milliseconds of silence after which a client gives up. A busy machine is silent for seconds. */
const patience = 30_000

/** Sends bytes and reads the answer, as {@link readAnswer} does. */
export async function converse(url: string, said: string | Uint8Array, milliseconds = patience): Promise<RawAnswer> {
  const socket = await openSocket(url)
  socket.write(said)
  return readAnswer(socket, milliseconds)
}

/** Returns the bytes from a socket until an answer is complete, the server closes, or `milliseconds` of silence. */
export async function readAnswer(socket: Socket, milliseconds = patience): Promise<RawAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  let end = ''
  let isWhole: ((bytes: number, end: string) => boolean) | undefined
  socket.setTimeout(milliseconds, () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    bytes += chunk.byteLength
    end = (end + chunk.subarray(-lastChunk.length).toString('latin1')).slice(-lastChunk.length)
    // Answers of megabytes are not put together again and again.
    isWhole ??= wholeAnswer(Buffer.concat(chunks).toString('latin1'))
    if (isWhole?.(bytes, end)) socket.destroy()
  })
  await once(socket, 'close')
  const text = Buffer.concat(chunks).toString('utf8')
  return { ...parse(withoutContinue(text)), text }
}

/** The end of an answer in chunks. */
const lastChunk = '\r\n0\r\n\r\n'

/** Returns a test whether an answer of so many bytes with this end is whole; undefined as long as its head is not. */
function wholeAnswer(text: string): ((bytes: number, end: string) => boolean) | undefined {
  const answer = withoutContinue(text)
  if (!answer.includes('\r\n\r\n')) return undefined
  const { status, headers, body } = parse(answer)
  if (status === 100) return undefined
  if (status === 204 || status === 304) return () => true
  if (headers['transfer-encoding'] === 'chunked') return (_, end) => end === lastChunk
  const length = headers['content-length']
  return bytes => length !== undefined && bytes >= text.length - body.length + Number(length)
}

/** Returns an answer without the preceding "100 Continue". An answer that is only this stays. */
function withoutContinue(text: string): string {
  return text.replace(/^HTTP\/1.1 100 Continue\r\n\r\n(?=.)/s, '')
}

function parse(text: string): { status: number; headers: Record<string, string>; body: string } {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(headers),
    body: end < 0 ? '' : text.slice(end + 4),
  }
}
