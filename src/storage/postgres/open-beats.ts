import type { Logger } from 'pino'
import type { Catalog } from '../database.ts'
import { failureReason } from './database-failures.ts'
import { poolOf } from './database-pool.ts'
import { catalogIn } from './postgres-dialect.ts'

/** Parts of the time without a sign of life, after which others take over: a lost sign leaves time for a new connection and a second one. */
const partsOfTakeover = 4

/**
 * Opens a catalog for the signs of life of this process. It has one connection, beside those that other work may hold for long. A connection
 * that is silently dead is noticed in a quarter of that time, and replaced.
 * @param takeoverSeconds seconds without a sign of life after which others take over the jobs of this process
 */
export function openBeats(url: string, takeoverSeconds: number, log: Logger): Catalog {
  const milliseconds = (takeoverSeconds * 1000) / partsOfTakeover
  const onIdleError = (error: unknown) =>
    log.warn({ reason: failureReason(error) }, 'the connection for signs of life was lost')
  return catalogIn(poolOf(url, 1, onIdleError, { connect: milliseconds, statement: milliseconds }))
}
