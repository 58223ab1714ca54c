import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { openSocket, type RawAnswer, readAnswer } from './raw-http.ts'

/** A client that holds on to its connection. */
export type SlowClient = {
  socket: Socket
  /** What the server says until it closes the connection, or until the answer is whole. */
  answer: Promise<RawAnswer>
  /** Bytes of the body that were sent so far. */
  sent(): number
  stop(): void
}

/** How a client sends a body: `head` has the request line and headers without the last empty line; `first` goes at once. */
export type SlowBody = { head: string; first?: string | Uint8Array; piece?: string | Uint8Array; milliseconds?: number }

/** How long a client waits for an answer, in milliseconds: longer than any test. */
const patience = 300_000

/** Sends a head, what comes first of the body, and then a piece of it again and again until the connection ends. */
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

/** The head of a raw upload of so many bytes. */
export function uploadHead(path: string, bytes: number, token?: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${bytes}${authorization(token)}`
}

function authorization(token: string | undefined): string {
  return token === undefined ? '' : `\r\nauthorization: Bearer ${token}`
}

/** A client that asks and then takes nothing, or takes `bytesPerSecond`. */
export type SlowReader = {
  socket: Socket
  /** When the connection has ended, whoever ended it. */
  closed: Promise<void>
  taken(): number
  stop(): void
}

const readsPerSecond = 10

/** Sends a request and reads the answer at a rate, 0 for not at all. The connection's own buffers may take megabytes. */
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

/** A whole GET, ready for {@link readSlowly}. */
export function getRequest(path: string, token?: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: localhost${authorization(token)}\r\n\r\n`
}

/** Resident memory of a process in megabytes. Linux only. */
export function residentMegabytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024)
}
