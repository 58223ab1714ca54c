import { type FileHandle, open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

/** Bytes of one piece. Each client holds two pieces in memory. */
const pieceBytes = 64 << 10

/**
 * Sends a part of a file as the body of an answer, after the headers of the reply, which must include `content-length`. It reuses two
 * buffers: a file stream would make tens of megabytes of garbage.
 *
 * Returns when all bytes are sent or the client has disconnected. If a later read fails, it ends the connection.
 * @throws Error if the first read fails; nothing is sent then
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

/** Yields the pieces of the file. A piece stays valid until the second next piece is requested. */
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

/** Sends all pieces, and reads the next one meanwhile. @returns false if the client has disconnected */
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
 * Writes bytes, and waits until they have left this process. It also waits for `close`: after a client has closed its half of the
 * connection, Node never calls back for later writes.
 * @returns false if the client has disconnected
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
