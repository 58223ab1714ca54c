import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import fastifyPlugin from 'fastify-plugin'
import { TureenError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True if the route also answers on connections beyond the limit, such as to the probes of an orchestrator. */
    probe?: boolean
  }
}

/** Most connections beyond the limit, which only probes may use, and the most milliseconds of each. */
const spareConnections = 64
const spareMilliseconds = 5_000

type Options = {
  maximumConnections: number
  /** Called for each connection that the server ends. `idle`: it made room for a new one; `full`: there was no room for it. */
  onEnd(reason: 'idle' | 'full'): void
}

/**
 * Bounds the number of connections. At the limit, a new connection replaces the one that has been idle for longest. If none is idle, the
 * new one is a spare connection, on which only probes get answers: probes must tell a full server from one that hangs.
 */
export const connectionLimit = fastifyPlugin<Options>(async (app, { maximumConnections, onEnd }) => {
  const connections = trackConnections(app.server)
  const spare = new Set<Socket>()
  const endOldest = (sockets: Iterable<Socket>, reason: 'idle' | 'full') => {
    const [oldest] = sockets
    if (!oldest) return
    connections.forget(oldest)
    spare.delete(oldest)
    oldest.destroy()
    onEnd(reason)
  }
  app.server.on('connection', (socket: Socket) => {
    if (connections.count() >= maximumConnections) endOldest(connections.idle, 'idle')
    if (connections.count() < maximumConnections) {
      connections.add(socket)
      return
    }
    if (spare.size >= spareConnections) endOldest(spare, 'full')
    spare.add(socket)
    const timer = setTimeout(() => socket.destroy(), spareMilliseconds)
    socket.once('close', () => {
      clearTimeout(timer)
      spare.delete(socket)
    })
  })
  app.addHook('onRequest', async ({ raw, routeOptions }, reply) => {
    if (!spare.has(raw.socket)) return
    reply.header('connection', 'close')
    if (routeOptions.config.probe) return
    onEnd('full')
    const message = `all ${maximumConnections} connections have requests under way`
    throw new TureenError(
      'TUREEN_TOO_MANY_CONNECTIONS',
      `The server takes ${maximumConnections} connections at a time (TUREEN_MAX_CONNECTIONS), and ${message}. Try again in a moment.`,
      [{ field: 'TUREEN_MAX_CONNECTIONS', expected: `${maximumConnections} connections at most`, message }],
    )
  })
})

type TrackedConnections = {
  add(socket: Socket): void
  forget(socket: Socket): void
  count(): number
  /** Connections without a running request. The one that has been idle for longest comes first. */
  idle: ReadonlySet<Socket>
}

function trackConnections(server: Server): TrackedConnections {
  const open = new Set<Socket>()
  const idle = new Set<Socket>()
  const requests = new WeakMap<Socket, number>()
  const forget = (socket: Socket) => {
    open.delete(socket)
    idle.delete(socket)
  }
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    idle.delete(socket)
    requests.set(socket, (requests.get(socket) ?? 0) + 1)
    response.once('close', () => {
      const left = (requests.get(socket) ?? 1) - 1
      requests.set(socket, left)
      if (left === 0 && open.has(socket)) idle.add(socket)
    })
  })
  return {
    idle,
    forget,
    count: () => open.size,
    add(socket) {
      open.add(socket)
      idle.add(socket)
      socket.once('close', () => forget(socket))
    },
  }
}
