import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import type { RunningUploads } from '../storage/running-uploads.ts'
import { clientKey, clientName } from './client-key.ts'

/** `share`: the share of the slots, above 0 and up to 1, that one client may take while at least half of all slots are taken. */
type Limits = { maximumUploads: number; share: number }

/** Error codes of {@link uploadSlots}. */
export const uploadSlotErrors = [
  'TUREEN_TOO_MANY_UPLOADS',
  'TUREEN_UPLOAD_SHARE_USED',
] as const satisfies readonly ErrorCode[]

/** Returns the most uploads of one client at a time, while at least half of all slots are taken. */
export function uploadsOfClient({ maximumUploads, share }: Limits): number {
  return Math.max(1, Math.floor(share * maximumUploads))
}

/**
 * Refuses uploads above `maximumUploads` at a time, and uploads of a client that has used its share, before the server reads the body. An
 * upload takes its slot until its answer begins; one with a streamed answer, until that has ended.
 */
export const uploadSlots = fastifyPlugin<Limits & { running: RunningUploads }>(async (app, { running, ...limits }) => {
  const ends = new WeakMap<FastifyRequest, () => Promise<void>>()
  app.addHook('onRequest', async (request, reply) => {
    if (!request.routeOptions.config.streamedBody) return
    const end = await running.begin(clientKey(request), (total, own) => refuseAbove(request, limits, total, own))
    // If the client has already disconnected, no close event follows.
    if (request.raw.socket.destroyed) return await end()
    ends.set(request, end)
    reply.raw.once('close', end)
  })
  // The server may read the rest of a refused body for long, to let its client see the answer. A client that has its answer may begin the
  // next upload at once.
  app.addHook('onSend', async (request, { statusCode }, payload) => {
    if (statusCode >= 400 || !(payload instanceof Readable)) await ends.get(request)?.()
  })
})

/** Refuses an upload above the limits. @param total running uploads of all clients. @param own those of the client */
function refuseAbove(request: FastifyRequest, limits: Limits, total: number, own: number): void {
  const { maximumUploads } = limits
  if (total >= maximumUploads) {
    const actual = `${total} uploads`
    throw new TureenError(
      'TUREEN_TOO_MANY_UPLOADS',
      `The server takes ${maximumUploads} uploads at a time (TUREEN_MAX_UPLOADS), and as many are running. Try again in a moment.`,
      [
        {
          field: 'TUREEN_MAX_UPLOADS',
          expected: `${maximumUploads} uploads at most`,
          actual,
          message: `${actual} are running`,
        },
      ],
    )
  }
  const most = uploadsOfClient(limits)
  if (total >= maximumUploads / 2 && own >= most) {
    const actual = `${own} uploads`
    const message = `has ${own} of the server's ${maximumUploads} uploads`
    throw new TureenError(
      'TUREEN_UPLOAD_SHARE_USED',
      `${clientName(request)} ${message}. While half of them are taken, one client may have ${most} (TUREEN_UPLOAD_SHARE). Try again when one of yours has ended.`,
      [{ field: 'TUREEN_UPLOAD_SHARE', expected: `${most} uploads at most`, actual, message }],
    )
  }
}
