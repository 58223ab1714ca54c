import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

/**
 * Sends pieces of a file as the body of an answer, after the headers of the reply, which must include `content-length`.
 *
 * Returns when all bytes are sent or the client has disconnected. If a later read fails, it ends the connection.
 * @param pieces a piece must stay valid until the second next piece is requested
 * @param length bytes of all pieces together
 * @throws Error if the first read fails; nothing is sent then
 */
export async function sendPieces(
  reply: FastifyReply,
  pieces: AsyncGenerator<Uint8Array, void>,
  length: number,
): Promise<FastifyReply> {
  try {
    const first = await pieces.next()
    reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value)
    reply.raw.writeHead(reply.statusCode)
    try {
      if (await writePieces(reply.raw, first, pieces, length)) reply.raw.end()
      else reply.raw.destroy()
    } catch (error) {
      reply.log.error({ err: error }, 'a file could not be sent completely')
      reply.raw.destroy()
    }
  } finally {
    await pieces.return()
  }
  return reply
}

/**
 * Sends all pieces, and reads the next one meanwhile. After the last byte it does not wait for the end of the pieces, which closes a file:
 * a client may hang up sooner.
 * @returns false if the client has disconnected, or if there are fewer bytes
 */
async function writePieces(
  response: ServerResponse,
  first: IteratorResult<Uint8Array, void>,
  pieces: AsyncGenerator<Uint8Array, void>,
  length: number,
): Promise<boolean> {
  let left = length
  for (let piece = first; !piece.done; ) {
    const sent = write(response, piece.value)
    left -= piece.value.byteLength
    if (left === 0) return sent
    piece = await pieces.next()
    if (!(await sent)) return false
  }
  return left === 0
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
