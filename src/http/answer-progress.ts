import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { createProgressWatch, type ProgressLimits } from './progress-watch.ts'
import { createTakenBytes } from './taken-bytes.ts'

/**
 * Ends connections whose clients read their answers too slowly. It does not watch an answer once all of it is in the system's buffers,
 * since such an answer holds no memory of the server.
 *
 * @param onSlow is called with each such connection and its rate over the window, in bytes per second
 */
export function watchAnswers(
  server: Server,
  { bytesPerSecond, windowMilliseconds }: Pick<ProgressLimits, 'bytesPerSecond' | 'windowMilliseconds'>,
  onSlow: (socket: Socket, bytesPerSecond: number) => void,
): { close(): void } {
  const taken = createTakenBytes()
  // The rate limit covers idle clients too: a client that reads nothing has rate 0.
  const limits = { bytesPerSecond, windowMilliseconds, idleMilliseconds: Number.POSITIVE_INFINITY }
  const progress = createProgressWatch(limits, { perWindow: 10, before: taken.refresh })
  server.on('connection', (socket: Socket) => {
    taken.add(socket)
    const unwatch = progress.watch({
      bytes: () => taken.of(socket),
      isWaiting: () => socket.writableLength > 0,
      onSlow(rate = 0) {
        onSlow(socket, rate)
        // A reset makes the system drop its buffered bytes for this client, too.
        socket.resetAndDestroy()
      },
    })
    socket.once('close', unwatch)
  })
  return progress
}
