import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { failureReason } from './database-failures.ts'

/** Key of the advisory lock that the servers of a database hold: the bytes of "tureen". */
export const storeLockKey = 0x747572_65656e

/** Most seconds until the lock of a server that has just died is free. */
const lockSeconds = 10

const retryMilliseconds = 500

/** The lock of a database. It belongs to a connection, and ends with it. */
export type StoreLock = { release(): Promise<void> }

/** Holders of a lock. `alone`: one server; `together`: all servers of a shared store, but none that uses it alone. */
export type LockKind = 'alone' | 'together'

/** Opens a connection. @throws Error of pg */
export type Connect = () => Promise<Client>

/**
 * Locks a database for this process. If the connection of the lock is lost, it takes the lock again as soon as the database answers.
 * @param client a connection that the lock takes over
 * @param onTaken called when another server has the lock of a running server
 * @throws Error that names the server which holds the database
 */
export async function lockStore(
  client: Client,
  kind: LockKind,
  connect: Connect,
  onTaken: (error: Error) => void,
): Promise<StoreLock> {
  const released = new AbortController()
  await takeLock(client, kind)
  let current = client
  const follow = (held: Client) => {
    current = held
    held.once('end', () => {
      if (!released.signal.aborted) void retake()
    })
  }
  const retake = async () => {
    while (!released.signal.aborted) {
      const next = await connect().catch(() => undefined)
      if (!next) {
        await delay(retryMilliseconds, undefined, { signal: released.signal }).catch(() => undefined)
        continue
      }
      try {
        if (released.signal.aborted) return await next.end()
        await takeLock(next, kind)
        return follow(next)
      } catch (error) {
        await next.end().catch(() => undefined)
        if (error instanceof StoreIsHeld) return onTaken(error)
      }
    }
  }
  follow(client)
  return {
    async release() {
      released.abort()
      await current.end().catch(() => undefined)
    },
  }
}

/** The refusal of a database that another server holds: a whole sentence, with what to do. */
export class StoreIsHeld extends Error {}

const takes: Record<LockKind, string> = { alone: 'pg_try_advisory_lock', together: 'pg_try_advisory_lock_shared' }

const waysOut: Record<LockKind, string> = {
  alone:
    'Stop it, or set TUREEN_CONTENT for both, so that they share the store, or set TUREEN_DATABASE_URL to another database.',
  together:
    'That server uses the database alone, and this one would share it. Stop it, or set TUREEN_DATABASE_URL to another database.',
}

async function takeLock(client: Client, kind: LockKind): Promise<void> {
  const until = performance.now() + lockSeconds * 1000
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>(`select ${takes[kind]}($1) as taken`, [storeLockKey])
    if (rows[0]?.taken) return
    if (performance.now() >= until) break
    await delay(retryMilliseconds)
  }
  throw new StoreIsHeld(
    `The database ${client.database} (TUREEN_DATABASE_URL) is in use by another Tureen server${await holderOf(client)}. ${waysOut[kind]}`,
  )
}

/** Returns where the holder of the lock is, as far as this user may see it. */
async function holderOf(client: Client): Promise<string> {
  const text = `select host(activity.client_addr) as address, activity.backend_start::text as since
    from pg_locks join pg_stat_activity activity on activity.pid = pg_locks.pid
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
      and (classid::bigint << 32 | objid::bigint) = $1 and granted`
  const { rows } = await client.query<{ address: string | null; since: string | null }>(text, [storeLockKey])
  const [holder] = rows
  if (!holder?.since) return ''
  return `, connected ${holder.address ? `from ${holder.address} ` : ''}since ${holder.since}`
}

/** Waits for a database, and returns a connection to it. @throws Error that says why the database cannot be used */
export async function waitForDatabase(
  connect: Connect,
  {
    seconds,
    mayPass,
    onWaiting,
  }: { seconds: number; mayPass(error: unknown): boolean; onWaiting(reason: string): void },
): Promise<Client> {
  const until = performance.now() + seconds * 1000
  for (let tries = 0; ; tries += 1) {
    try {
      return await connect()
    } catch (error) {
      if (!mayPass(error) || performance.now() >= until) throw error
      if (tries % 20 === 0) onWaiting(failureReason(error))
      await delay(retryMilliseconds)
    }
  }
}
