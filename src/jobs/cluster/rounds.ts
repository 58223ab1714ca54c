import type { Logger } from 'pino'

/** Work that runs again and again, one round at a time. */
export type Rounds = {
  /** Starts the next round at once, or after the running one. */
  soon(): void
  /** Starts no further round, and waits for the running one. */
  close(): Promise<void>
}

/**
 * Starts rounds of work. A round that fails is tried again after the wait; the log gets the first failure in a row.
 * @param milliseconds milliseconds from the end of a round to the next one
 * @param what words for the log, such as `the heartbeats of jobs`
 */
export function startRounds(what: string, milliseconds: number, log: Logger, round: () => Promise<void>): Rounds {
  let isClosed = false
  let isWanted = false
  let hasFailed = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const runLogged = async () => {
    try {
      await round()
      if (hasFailed) log.info(`${what} go on`)
      hasFailed = false
    } catch (error) {
      if (!hasFailed && !isClosed) log.warn({ err: error }, `${what} failed, and are tried again`)
      hasFailed = true
    }
  }
  const start = () => {
    clearTimeout(timer)
    isWanted = false
    running = runLogged().then(() => {
      running = undefined
      if (isClosed) return
      if (isWanted) start()
      else timer = setTimeout(start, milliseconds)
    })
  }
  start()
  return {
    soon() {
      if (isClosed) return
      if (running) isWanted = true
      else start()
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      await running
    },
  }
}
