import { type FileHandle, open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

/** Two pieces are held for each client, for as long as it takes none of them. */
const pieceBytes = 64 << 10

/**
 * Sends a part of a file as the body of an answer, after the headers that have been set, `content-length` among them. It is read
 * into the same memory again and again: the pieces of a stream would be garbage that piles up to tens of megabytes.
 *
 * Comes back when all is sent or the client has gone. A file that cannot be read any more cuts the answer off.
 * @throws Error if not even its first piece can be read; nothing is sent then
 */
export async function sendFile(
  reply: FastifyReply,
  path: string,
  { start, length }: { start: number; length: number },
): Promise<FastifyReply> {
  const file = await open(path)
  try {
    const pieces = piecesOf(file, start, length)
    const first = await pieces.next()
    reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value)
    reply.raw.writeHead(reply.statusCode)
    try {
      if (await writePieces(reply.raw, first, pieces)) reply.raw.end()
      else reply.raw.destroy()
    } catch (error) {
      reply.log.error({ err: error }, 'a file could not be sent completely')
      reply.raw.destroy()
    }
  } finally {
    await file.close()
  }
  return reply
}

/** Each piece is valid until the one after the next is asked for. */
async function* piecesOf(file: FileHandle, start: number, length: number): AsyncGenerator<Uint8Array, void> {
  const size = Math.min(pieceBytes, length)
  let [buffer, other] = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)]
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(size, length - done), start + done)
    if (bytesRead === 0) throw new RangeError(`the file ends at ${start + done}, before ${start + length}`)
    yield buffer.subarray(0, bytesRead)
    ;[buffer, other] = [other, buffer]
    done += bytesRead
  }
}

/** Reads one piece while another is sent. @returns whether all could be sent; false: the client is gone */
async function writePieces(
  response: ServerResponse,
  first: IteratorResult<Uint8Array, void>,
  pieces: AsyncGenerator<Uint8Array, void>,
): Promise<boolean> {
  for (let piece = first; !piece.done; ) {
    const sent = write(response, piece.value)
    piece = await pieces.next()
    if (!(await sent)) return false
  }
  return true
}

/**
 * Comes back when the bytes have left this process. Node ends a connection whose client has closed its half, and calls nobody back about
 * what is written to it from then on.
 * @returns whether they have left: not if the client is gone
 */
function write(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  if (response.closed || response.destroyed) return Promise.resolve(false)
  return new Promise(resolve => {
    const gone = () => resolve(false)
    response.once('close', gone)
    response.write(bytes, error => {
      response.off('close', gone)
      resolve(!error)
    })
  })
}
