import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Catalog } from '../database.ts'
import { DatabaseLost } from '../lost-database.ts'
import { notWaiting } from '../patience.ts'
import { BrokenOff, failureReason } from './database-failures.ts'

/** Milliseconds between two sends. Equal texts that come meanwhile are sent once. */
const gatherMilliseconds = 20

/** Milliseconds until a failed send is tried again: at first, and at most. */
const [firstRetry, longestRetry] = [100, 5_000]

/** Milliseconds that a close waits for texts that are not sent yet. */
const closeMilliseconds = 2_000

type Text = { channel: string; text: string }

/** Texts that wait to be sent with NOTIFY. */
export type TextOutbox = {
  /** Sends a text soon, and tries again while the database is away. It never throws. */
  add(channel: string, text: string): void
  /** Waits for the last send, for two seconds at most. */
  close(): Promise<void>
}

/** Sends texts with NOTIFY. In a transaction, listeners get them at its commit. @throws Error if the catalog does not take them */
export async function notify(catalog: Catalog, texts: readonly Text[]): Promise<void> {
  const [channels, payloads] = [texts.map(({ channel }) => channel), texts.map(({ text }) => text)]
  await sql`select pg_notify(channel, payload) from unnest(${channels}::text[], ${payloads}::text[]) as texts (channel, payload)`.execute(
    catalog,
  )
}

/** Returns an outbox that sends through the connections of the catalog. */
export function createOutbox(catalog: Catalog, log: Logger): TextOutbox {
  const closing = new AbortController()
  const waiting = new Map<string, Text>()
  let sending: Promise<void> | undefined

  const pause = (milliseconds: number) =>
    delay(milliseconds, undefined, { signal: closing.signal }).catch(() => undefined)
  const send = async () => {
    let retry = firstRetry
    while (waiting.size > 0) {
      const batch = [...waiting]
      waiting.clear()
      try {
        await notify(
          catalog,
          batch.map(([, text]) => text),
        )
        retry = firstRetry
        await pause(gatherMilliseconds)
      } catch (error) {
        if (closing.signal.aborted) break
        if (!(error instanceof DatabaseLost || error instanceof BrokenOff)) {
          log.error({ reason: failureReason(error) }, 'the database refuses news for other servers')
          continue
        }
        for (const [key, text] of batch) waiting.set(key, text)
        await pause(retry)
        retry = Math.min(2 * retry, longestRetry)
      }
    }
    // In this turn: a text that comes later begins the next sends.
    sending = undefined
  }
  return {
    add(channel, text) {
      waiting.set(JSON.stringify([channel, text]), { channel, text })
      // The sends outlive the work that began them, so they do not wait as that work does.
      sending ??= notWaiting(send)
    },
    async close() {
      closing.abort()
      await Promise.race([sending, delay(closeMilliseconds, undefined, { ref: false })])
    },
  }
}
