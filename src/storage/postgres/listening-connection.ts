import { Socket } from 'node:net'
import pg from 'pg'
import { settingsOf } from './database-pool.ts'

/** Milliseconds after which a LISTEN without an answer counts as failed. */
const listenMilliseconds = 10_000

/** A connection that hears channels of a database. */
export type ListeningConnection = {
  /** Fires when the connection has ended. The reason of the signal is an Error. */
  lost: AbortSignal
  /** Listens to the wanted channels, and to no others. @returns the channels that are new @throws Error that also ends the connection */
  synchronize(): Promise<string[]>
  /** Ends the connection, also one whose other end does not answer. */
  end(): Promise<void>
}

/**
 * Opens a connection for LISTEN.
 * @param wanted returns the channels to listen to at that time
 * @param hear called with each text of these channels; it never throws
 * @param signal ends a connection that is not open yet
 * @throws Error of pg if the connection is refused
 */
export async function connectListening(
  url: string,
  wanted: () => Iterable<string>,
  hear: (channel: string, text: string) => void,
  signal: AbortSignal,
): Promise<ListeningConnection> {
  // A socket of our own, because `end` of pg waits for the other end.
  const socket = new Socket()
  const client = new pg.Client({ ...settingsOf(url), query_timeout: listenMilliseconds, stream: () => socket })
  const lost = new AbortController()
  client.on('error', error => lost.abort(error))
  client.on('end', () => lost.abort(new Error('the connection ended')))
  client.on('notification', ({ channel, payload = '' }) => hear(channel, payload))
  const giveUp = () => socket.destroy()
  signal.addEventListener('abort', giveUp)
  try {
    await client.connect()
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', giveUp)
  }

  const registered = new Set<string>()
  const synchronizeNow = async (): Promise<string[]> => {
    const channels = new Set(wanted())
    const added = [...channels.difference(registered)]
    const removed = [...registered.difference(channels)]
    const statements = [
      ...added.map(name => `listen ${quoted(name)}`),
      ...removed.map(name => `unlisten ${quoted(name)}`),
    ]
    if (statements.length === 0) return []
    try {
      await client.query(statements.join('; '))
    } catch (error) {
      lost.abort(error)
      socket.destroy()
      throw error
    }
    for (const name of added) registered.add(name)
    for (const name of removed) registered.delete(name)
    return added
  }

  let turn: Promise<unknown> = Promise.resolve()
  return {
    lost: lost.signal,
    synchronize() {
      const mine = turn.then(synchronizeNow)
      turn = mine.catch(() => undefined)
      return mine
    },
    async end() {
      const ended = client.end().catch(() => undefined)
      socket.destroySoon()
      await ended
    },
  }
}

const quoted = (name: string) => pg.escapeIdentifier(name)
