import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { listenOn } from './listening.ts'

/** A proxy in front of a TCP server, whose connections a test can disturb. */
export type TcpProxy = {
  port: number
  /** Delivers no byte any more on the connections that are open now, and ends none of them. */
  silence(): void
  /** Refuses new connections, or takes them again. */
  refuse(refused: boolean): void
  /** Ends all connections. */
  endAll(): Promise<void>
  close(): Promise<void>
}

/** Starts a proxy for the server of a URL. */
export async function startTcpProxy(url: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  let isRefusing = false
  const server = createServer(near => {
    if (isRefusing) return void near.destroy()
    const far = connect(Number(port), hostname)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  const endAll = async () => {
    await Promise.all([...open].map(socket => once(socket.destroy(), 'close')))
  }
  return {
    port: await listenOn(server),
    silence() {
      for (const socket of open) socket.unpipe().pause()
    },
    refuse(refused) {
      isRefusing = refused
    },
    endAll,
    async close() {
      await endAll()
      server.close()
      await once(server, 'close')
    },
  }
}
