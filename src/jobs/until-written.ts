import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'

const rewriteMilliseconds = 100
const longestRewriteMilliseconds = 5_000

/**
 * Writes the status of a job, and retries until the catalog accepts it. Otherwise the status would be wrong until the next start.
 * @param id undefined for several jobs
 */
export type UntilWritten = <Result>(id: string | undefined, write: () => Promise<Result>) => Promise<Result>

/** Returns a writer of status. @param closing fires when the server stops: a write that fails after that is not tried again */
export function statusWriter(log: Logger, closing: AbortSignal): UntilWritten {
  return async (id, write) => {
    for (let wait = rewriteMilliseconds; ; wait = Math.min(2 * wait, longestRewriteMilliseconds)) {
      try {
        return await write()
      } catch (error) {
        if (closing.aborted) throw error
        log.error({ err: error, jobId: id }, 'the status of a job could not be saved; the server tries again')
        await delay(wait, undefined, { signal: closing }).catch(() => undefined)
      }
    }
  }
}
