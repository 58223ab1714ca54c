import { type FileHandle, open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

const readBytes = 256 * 1024

/**
 * Sends a part of a file as the body of an answer, after the headers that have been set, `content-length` among them. It is read
 * into the same memory again and again: the pieces of a stream would be garbage that piles up to tens of megabytes.
 *
 * Comes back when all is sent or the client has gone; a file that cannot be read cuts the answer off.
 */
export async function sendFile(
  reply: FastifyReply,
  path: string,
  { start, length }: { start: number; length: number },
): Promise<FastifyReply> {
  const file = await open(path)
  try {
    reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value)
    reply.raw.writeHead(reply.statusCode)
    if (await writePieces(reply.raw, file, start, length)) reply.raw.end()
    else reply.raw.destroy()
  } catch (error) {
    reply.log.error({ err: error }, 'a file could not be sent')
    reply.raw.destroy()
  } finally {
    await file.close()
  }
  return reply
}

/** @returns whether all could be sent; false: the client is gone. @throws Error if the file cannot be read */
async function writePieces(
  response: ServerResponse,
  file: FileHandle,
  start: number,
  length: number,
): Promise<boolean> {
  const size = Math.min(readBytes, length)
  let [buffer, beingSent] = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)]
  let sent = Promise.resolve(true)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(size, length - done), start + done)
    if (bytesRead === 0) throw new RangeError(`the file ends at ${start + done}, before ${start + length}`)
    if (!(await sent)) return false
    sent = write(response, buffer.subarray(0, bytesRead))
    ;[buffer, beingSent] = [beingSent, buffer]
    done += bytesRead
  }
  return sent
}

/** Comes back when the bytes have left this process. @returns whether they have: not if the client is gone */
function write(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  return new Promise(resolve => {
    response.write(bytes, error => resolve(!error))
  })
}
