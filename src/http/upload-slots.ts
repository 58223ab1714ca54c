import fastifyPlugin from 'fastify-plugin'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { countClients } from './client-counts.ts'
import { clientName } from './client-key.ts'

/** `share`: the share of the slots, above 0 and up to 1, that one client may take while at least half of all slots are taken. */
type Options = { maximumUploads: number; share: number }

/** Error codes of {@link uploadSlots}. */
export const uploadSlotErrors = [
  'TUREEN_TOO_MANY_UPLOADS',
  'TUREEN_UPLOAD_SHARE_USED',
] as const satisfies readonly ErrorCode[]

/** Returns the most uploads of one client at a time, while at least half of all slots are taken. */
export function uploadsOfClient({ maximumUploads, share }: Options): number {
  return Math.max(1, Math.floor(share * maximumUploads))
}

/**
 * Refuses uploads above `maximumUploads` at a time, and uploads of a client that has used its share, before the server reads the body. An
 * upload takes its slot until it is answered; a refused one, until its answer begins.
 */
export const uploadSlots = fastifyPlugin<Options>(async (app, options) => {
  const { maximumUploads } = options
  const running = countClients()
  const most = uploadsOfClient(options)
  app.addHook('onRequest', async (request, reply) => {
    if (!request.routeOptions.config.streamedBody) return
    if (running.total() >= maximumUploads) {
      const actual = `${running.total()} uploads`
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
    if (running.total() >= maximumUploads / 2 && running.of(request) >= most) {
      const actual = `${running.of(request)} uploads`
      const message = `has ${running.of(request)} of the server's ${maximumUploads} uploads`
      throw new TureenError(
        'TUREEN_UPLOAD_SHARE_USED',
        `${clientName(request)} ${message}. While half of them are taken, one client may have ${most} (TUREEN_UPLOAD_SHARE). Try again when one of yours has ended.`,
        [{ field: 'TUREEN_UPLOAD_SHARE', expected: `${most} uploads at most`, actual, message }],
      )
    }
    running.add(request, reply)
  })
  // The server may read the rest of a refused body for long, to let its client see the answer.
  app.addHook('onSend', async (request, reply) => {
    if (reply.statusCode >= 400) running.remove(request)
  })
})
