import { randomUUID } from 'node:crypto'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Catalog } from '../database.ts'
import { createListeners } from './channel-listeners.ts'
import { failureReason } from './database-failures.ts'
import { connectListening, type ListeningConnection } from './listening-connection.ts'
import { createOutbox, notify } from './text-outbox.ts'

/** Texts between all processes that share a database, by LISTEN and NOTIFY of PostgreSQL. */
export type Notifications = {
  /**
   * Hears the texts of a channel from all processes, this one included. `hear` and `onGap` never throw.
   * @param onGap called when texts may have been missed: once the channel is listened to, after a reconnect, and each second while the
   * database delivers no notifications. Then read the rows
   * @returns a function that stops hearing
   */
  listen(channel: string, hear: (text: string) => void, onGap: () => void): () => void
  /**
   * Sends a text of at most 7,999 bytes to a channel. In a transaction, listeners get the text at the commit, and a failure is thrown.
   * Otherwise it resolves at once and never throws. The text is sent within 20 milliseconds, or when the database is back; equal texts of
   * that time are sent once.
   */
  tell(catalog: Catalog, channel: string, text: string): Promise<void>
  close(): Promise<void>
}

/** Milliseconds between two gaps while no notification arrives. */
const gapMilliseconds = 1_000

/** Milliseconds between two proofs that notifications arrive, and those until a proof has failed. */
const [proofInterval, proofMilliseconds] = [5_000, 5_000]

/** Milliseconds until a failed connection is tried again: at first, and at most. */
const [firstRetry, longestRetry] = [100, 5_000]

/**
 * Opens the notifications of a database. It resolves once they arrive, or once the first try has failed. Tries go on until the close.
 * @param catalog sends the texts
 * @param directUrl address of the database itself: a pooler in transaction mode delivers no notifications
 */
export async function openNotifications(catalog: Catalog, directUrl: string, log: Logger): Promise<Notifications> {
  const closing = new AbortController()
  const firstTry = Promise.withResolvers<void>()
  const outbox = createOutbox(catalog, log)
  const listeners = createListeners()
  let connection: ListeningConnection | undefined
  /** True while a proof says that notifications arrive. */
  let isProven = false
  /** True after the log has said that none arrive. */
  let isWarned = false

  const proofChannel = `tureen_proof_${randomUUID()}`
  let onProof = () => {}
  listeners.add(proofChannel, { hear: () => onProof(), onGap() {} })
  /** Sends a text through the catalog, and waits for it on the connection. */
  const prove = async (signal: AbortSignal) => {
    const arrived = new AbortController()
    onProof = () => arrived.abort()
    outbox.add(proofChannel, 'proof')
    const over = AbortSignal.any([signal, arrived.signal])
    await delay(proofMilliseconds, undefined, { signal: over }).catch(() => undefined)
    // After a stall of this process, timers fire before what has arrived meanwhile is read.
    await setImmediate()
    signal.throwIfAborted()
    if (!arrived.signal.aborted) throw new Error(`a notification took more than ${proofMilliseconds / 1000} seconds`)
  }

  const synchronize = async (current: ListeningConnection) => listeners.tellGap(await current.synchronize())
  /** Keeps a connection until it ends or delivers nothing. It throws the reason. */
  const keep = async (onProven: () => void) => {
    const current = await connectListening(directUrl, listeners.channels, listeners.hear, closing.signal)
    const signal = AbortSignal.any([current.lost, closing.signal])
    connection = current
    try {
      await synchronize(current)
      for (;;) {
        await prove(signal)
        onProven()
        await delay(proofInterval, undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    } finally {
      connection = undefined
      await current.end()
    }
  }
  const keepTrying = async () => {
    let retry = firstRetry
    const onProven = () => {
      if (isWarned) log.info('the database delivers notifications again')
      isWarned = false
      isProven = true
      retry = firstRetry
      firstTry.resolve()
    }
    while (!closing.signal.aborted) {
      const reason = failureReason(await keep(onProven).catch((error: unknown) => error))
      if (closing.signal.aborted) break
      if (isProven) log.warn({ reason }, 'the connection for notifications was lost')
      else if (!isWarned) {
        isWarned = true
        log.warn({ reason }, 'the database delivers no notifications: the server reads its rows each second')
      }
      isProven = false
      firstTry.resolve()
      await delay(retry * (0.5 + Math.random()), undefined, { signal: closing.signal }).catch(() => undefined)
      retry = Math.min(2 * retry, longestRetry)
    }
    firstTry.resolve()
  }

  const polling = setInterval(() => {
    if (!isProven) listeners.tellGap(listeners.channels())
  }, gapMilliseconds)
  const ended = keepTrying()
  await firstTry.promise

  // A failure ends the connection, and the next one listens to all channels.
  const onChannels = () => void (connection && synchronize(connection).catch(() => undefined))
  return {
    listen(channel, hear, onGap) {
      const remove = listeners.add(channel, { hear, onGap })
      onChannels()
      return () => {
        remove()
        onChannels()
      }
    },
    async tell(given, channel, text) {
      if (given.isTransaction) await notify(given, [{ channel, text }])
      else outbox.add(channel, text)
    },
    async close() {
      closing.abort()
      clearInterval(polling)
      await outbox.close()
      await ended
    },
  }
}
