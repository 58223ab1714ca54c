import type { Logger } from 'pino'
import { askCatalog, type Catalog } from '../../storage/database.ts'
import type { QueueEntries } from './queue-entries.ts'
import { type Rounds, startRounds } from './rounds.ts'

const lookMilliseconds = 1_000

/** Most milliseconds of an answer of a database that is well. */
const promptMilliseconds = 1_000

/**
 * Starts to look for jobs whose process is silent, so that others can take them. After the start, and after the database was away or slow, it
 * first waits as long as a process may be silent: the others could not send their heartbeats either.
 * @param takeoverSeconds seconds without a heartbeat after which a process counts as dead
 */
export function startTakeovers(catalog: Catalog, entries: QueueEntries, takeoverSeconds: number, log: Logger): Rounds {
  let wellSince = performance.now()
  return startRounds('looks for silent workers', lookMilliseconds, log, async () => {
    const asked = performance.now()
    try {
      await askCatalog(catalog)
      const answered = performance.now()
      if (answered - asked > promptMilliseconds) wellSince = answered
      if (answered - wellSince >= takeoverSeconds * 1000) await entries.releaseSilent()
    } catch (error) {
      wellSince = performance.now()
      throw error
    }
  })
}
