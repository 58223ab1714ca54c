import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { openSocket, type RawAnswer, readAnswer } from './raw-http.ts'

/** A client that keeps its connection. */
export type SlowClient = {
  socket: Socket
  /** The answer of the server until it closes the connection, or until the answer is complete. */
  answer: Promise<RawAnswer>
  /** Bytes of the body that were sent so far. */
  sent(): number
  stop(): void
}

/** A body that a client sends: `head` has the request line and headers without the last empty line; `first` is sent at once. */
export type SlowBody = { head: string; first?: string | Uint8Array; piece?: string | Uint8Array; milliseconds?: number }

/** The beginning of a model: IR version 8 and a producer name of 1 GB. The server refuses other bytes at once. */
export const modelBegins = Buffer.from('\x08\x08\x12\x80\x94\xeb\xdc\x03', 'latin1')

/** Returns the beginning of a model in this many bytes. */
export const begunModel = (bytes: number): Buffer<ArrayBuffer> => {
  const begun = Buffer.alloc(bytes)
  modelBegins.copy(begun)
  return begun
}

/** Milliseconds for which a client waits for an answer: longer than any test. */
const patience = 300_000

/** Sends a head and the first part of the body, and then one piece again and again until the connection ends. */
export async function sendSlowly(url: string, body: SlowBody): Promise<SlowClient> {
  const { head, first = '', piece = 'x', milliseconds = 100 } = body
  const socket = await openSocket(url)
  const answer = readAnswer(socket, patience)
  // Whoever awaits it meets the error.
  answer.catch(() => undefined)
  let sent = Buffer.byteLength(first)
  socket.write(`${head}\r\n\r\n`)
  if (sent > 0) socket.write(first)
  const timer = setInterval(() => {
    // A server that reads no more must not fill the client's memory.
    if (!socket.writable || socket.writableNeedDrain) return
    socket.write(piece)
    sent += Buffer.byteLength(piece)
  }, milliseconds)
  socket.once('close', () => clearInterval(timer))
  return { socket, answer, sent: () => sent, stop: () => socket.destroy() }
}

/** Returns the head of a raw upload of `bytes` bytes. */
export function uploadHead(path: string, bytes: number, token?: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${bytes}${authorization(token)}`
}

function authorization(token: string | undefined): string {
  return token === undefined ? '' : `\r\nauthorization: Bearer ${token}`
}

/** A client that sends a request and then reads nothing, or `bytesPerSecond`. */
export type SlowReader = {
  socket: Socket
  /** Resolves when the connection has ended, for any reason. */
  closed: Promise<void>
  taken(): number
  stop(): void
}

const readsPerSecond = 10

/** Sends a request and reads the answer at a rate; 0: not at all. The buffers of the connection may take megabytes. */
export async function readSlowly(url: string, request: string | Uint8Array, bytesPerSecond = 0): Promise<SlowReader> {
  const socket = await openSocket(url)
  let taken = 0
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  socket.write(request)
  const timer = setInterval(() => {
    // Without it a client that reads nothing would not hear that the connection was reset. Servers ignore empty lines here.
    socket.write('\r\n')
    for (let wanted = bytesPerSecond / readsPerSecond; wanted > 0; ) {
      const chunk: Buffer | null = socket.read(Math.min(wanted, socket.readableLength))
      if (chunk === null) return
      taken += chunk.length
      wanted -= chunk.length
    }
  }, 1000 / readsPerSecond)
  socket.once('close', () => clearInterval(timer))
  return { socket, closed, taken: () => taken, stop: () => socket.destroy() }
}

/** Returns a complete GET request for {@link readSlowly}. */
export function getRequest(path: string, token?: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: localhost${authorization(token)}\r\n\r\n`
}

/** Returns the resident memory of a process in megabytes. Linux only. */
export function residentMegabytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024)
}
