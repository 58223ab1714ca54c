import type { Socket } from 'node:net'
import { connectionOf, readSendQueues, type SendQueues } from './send-queues.ts'

/** Measures how much clients have taken of what the server wrote. */
export type TakenBytes = {
  /** Measures a connection from now on, until it closes. */
  add(socket: Socket): void
  /** Measures all connections again. */
  refresh(): Promise<void>
  /** Returns the least number of bytes that the client had taken at the last refresh. It never falls. */
  of(socket: Socket): number
}

type Connection = { taken: number; name?: string }

/**
 * Returns a meter of the bytes that clients have taken: the written bytes that are no longer in the system's buffers. The server goes on
 * writing while a refresh reads the system's tables. So a refresh counts only bytes written before it: the tables may lack later ones.
 */
export function createTakenBytes(readQueues: () => Promise<SendQueues> = readSendQueues): TakenBytes {
  const connections = new Map<Socket, Connection>()
  return {
    add(socket) {
      connections.set(socket, { taken: 0 })
      socket.once('close', () => connections.delete(socket))
    },
    async refresh() {
      const before = [...connections].map(([socket, connection]) => {
        connection.name ??= connectionOf(socket)
        return { connection, name: connection.name, written: socket.bytesWritten - socket.writableLength }
      })
      const queues = await readQueues()
      for (const { connection, name, written } of before)
        connection.taken = Math.max(connection.taken, written - (queues.get(name) ?? 0))
    },
    of: socket => connections.get(socket)?.taken ?? 0,
  }
}
