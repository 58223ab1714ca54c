import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { createProgressWatch, type ProgressLimits } from './progress-watch.ts'
import { createSendQueues } from './send-queues.ts'

/**
 * Ends connections whose clients take what waits for them too slowly, or not at all. An answer of which all has been written to the system
 * holds nothing here, and is the system's to deliver.
 *
 * @param onSlow hears of each, with its rate over the window in bytes a second
 */
export function watchAnswers(
  server: Server,
  { bytesPerSecond, windowMilliseconds }: Pick<ProgressLimits, 'bytesPerSecond' | 'windowMilliseconds'>,
  onSlow: (socket: Socket, bytesPerSecond: number) => void,
): { close(): void } {
  const queues = createSendQueues()
  // A client that takes nothing is below any rate.
  const limits = { bytesPerSecond, windowMilliseconds, idleMilliseconds: Number.POSITIVE_INFINITY }
  const progress = createProgressWatch(limits, { perWindow: 10, before: queues.refresh })
  server.on('connection', (socket: Socket) => {
    const unwatch = progress.watch({
      bytes: () => socket.bytesWritten - socket.writableLength - queues.of(socket),
      isWaiting: () => socket.writableLength > 0,
      onSlow(rate = 0) {
        onSlow(socket, rate)
        // A reset, so that the system gives up what it holds for the client, too.
        socket.resetAndDestroy()
      },
    })
    socket.once('close', unwatch)
  })
  return progress
}
