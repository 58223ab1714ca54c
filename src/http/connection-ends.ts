import type { FastifyBaseLogger } from 'fastify'
import { processLimits } from '../process-limits.ts'
import { openConnections } from '../storage/file-descriptors.ts'
import type { ConnectionEnd, Metrics } from './metrics.ts'

/** Returns the number of connections that the server accepts: the configured one, or fewer if the limit of open files is too low. Logs the latter. */
export function possibleConnections(configured: number, log: Pick<FastifyBaseLogger, 'warn'>): number {
  const possible = Math.min(configured, openConnections())
  if (possible < configured)
    log.warn(
      { configured, connections: possible, openFiles: processLimits.openFiles },
      'the server accepts fewer connections than TUREEN_MAX_CONNECTIONS, since its limit of open files is too low; raise ulimit -n',
    )
  return possible
}

const toldMilliseconds = 60_000

/** Returns a function that counts the connections that the server ended or refused. It logs the counts at most once a minute. */
export function connectionEnds(
  metrics: Pick<Metrics, 'connectionEnded'>,
  log: Pick<FastifyBaseLogger, 'warn'>,
): (reason: Exclude<ConnectionEnd, 'slow' | 'headers'>) => void {
  let told = Number.NEGATIVE_INFINITY
  let ended = { idle: 0, full: 0 }
  return reason => {
    metrics.connectionEnded(reason)
    ended[reason] += 1
    if (performance.now() - told < toldMilliseconds) return
    told = performance.now()
    log.warn(
      ended,
      'all connections are taken (TUREEN_MAX_CONNECTIONS): the server closes idle connections, and refuses new ones while none is idle',
    )
    ended = { idle: 0, full: 0 }
  }
}
