import { setTimeout as delay } from 'node:timers/promises'

/** Milliseconds for which a worker that stops tries to put its jobs back while the database is away. The process may have to exit soon after. */
const handBackMilliseconds = 6_000

const betweenTries = 200

/**
 * Writes that hand jobs over while a worker stops. A job whose start still counted then would fail after its last attempt, though no process
 * died. The writes may run twice.
 */
export type HandBack = {
  /** Begins the time in which writes are tried again. */
  begin(): void
  /** Runs a write until it succeeds. @throws the last error when the time is over */
  untilDone(write: () => Promise<void>): Promise<void>
}

export function createHandBack(): HandBack {
  let givesUpAt = Number.POSITIVE_INFINITY
  return {
    begin() {
      givesUpAt = performance.now() + handBackMilliseconds
    },
    async untilDone(write) {
      for (;;) {
        try {
          return await write()
        } catch (error) {
          if (performance.now() >= givesUpAt) throw error
          await delay(betweenTries)
        }
      }
    },
  }
}
