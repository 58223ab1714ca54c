import type { FastifyBaseLogger } from 'fastify'
import { processLimits } from '../process-limits.ts'
import { openConnections } from '../storage/file-descriptors.ts'
import type { ConnectionEnd, Metrics } from './metrics.ts'

/** How many connections the server takes: as many as configured, or as the files that the process may have open allow. Tells the log. */
export function possibleConnections(configured: number, log: Pick<FastifyBaseLogger, 'warn'>): number {
  const possible = Math.min(configured, openConnections())
  if (possible < configured)
    log.warn(
      { configured, connections: possible, openFiles: processLimits.openFiles },
      'the server takes fewer connections than TUREEN_MAX_CONNECTIONS: the process may have too few files open; raise ulimit -n',
    )
  return possible
}

const toldMilliseconds = 60_000

/** Counts connections that the server ended or refused, and tells the log at most once a minute. */
export function connectionEnds(
  metrics: Pick<Metrics, 'connectionEnded'>,
  log: Pick<FastifyBaseLogger, 'warn'>,
): (reason: Exclude<ConnectionEnd, 'slow'>) => void {
  let told = Number.NEGATIVE_INFINITY
  let ended = { idle: 0, full: 0 }
  return reason => {
    metrics.connectionEnded(reason)
    ended[reason] += 1
    if (performance.now() - told < toldMilliseconds) return
    told = performance.now()
    log.warn(
      ended,
      'all connections are taken (TUREEN_MAX_CONNECTIONS): idle ones make room for others, and while none is idle, new ones are refused',
    )
    ended = { idle: 0, full: 0 }
  }
}
