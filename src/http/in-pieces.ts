import { Readable } from 'node:stream'
import fastifyPlugin from 'fastify-plugin'

const pieceBytes = 64 << 10

/** Sends large texts in pieces of 64 KiB. For a text in one piece, the server could not tell how much a slow client has read. */
export const inPieces = fastifyPlugin(async app => {
  app.addHook('onSend', async ({ method }, reply, payload) => {
    if (method === 'HEAD' || (typeof payload !== 'string' && !Buffer.isBuffer(payload))) return payload
    const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload)
    if (bytes.byteLength <= pieceBytes) return payload
    reply.header('content-length', bytes.byteLength)
    return Readable.from(piecesOf(bytes))
  })
})

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.byteLength; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes)
}
