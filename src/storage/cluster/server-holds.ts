import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Catalog } from '../database.ts'
import { OutcomeUnknown } from '../lost-database.ts'
import { notWaiting } from '../patience.ts'
import { followClock } from '../record-ids.ts'
import { lockName } from '../row-locks.ts'

/** Something that a server holds in a shared store, by its kind and name. `bytes`: bytes of content. */
export type Hold = { kind: 'addition' | 'removal' | 'duty' | 'key' | 'upload'; name: string; bytes?: number }

/** Takes holds in a transaction. @returns the id that {@link ServerHolds.release} frees them by */
export type TakeHolds = (holds: readonly Hold[]) => Promise<string>

/** Everything that this server holds in a shared store. All of it is free when the server closes, or has been silent for long. */
export type ServerHolds = {
  /** The id of this run of the server. */
  serverId: string
  /** Runs a transaction that may take holds. If the answer to its commit is lost, this server frees those that the database has kept. */
  decide<Result>(work: (transaction: Catalog, take: TakeHolds) => Promise<Result>): Promise<Result>
  /**
   * Takes a hold that one server has at a time.
   * @returns its id; undefined if another server has it, and has given a sign of life in the last 30 seconds
   */
  takeAlone(kind: Hold['kind'], name: string): Promise<string | undefined>
  /** Returns the number of holds of a kind by name, those of servers that have given a sign of life in the last 30 seconds. */
  countByName(transaction: Catalog, kind: Hold['kind']): Promise<Map<string, number>>
  /** True if this server still has holds. */
  has(id: string): Promise<boolean>
  /** Frees holds. It never throws: while the database does not answer, it goes on in the background. */
  release(id: string): Promise<void>
  /** Frees holds after so many milliseconds. If this server closes sooner, they are free once it has been silent for long. */
  releaseLater(id: string, milliseconds: number): void
  /** True if other servers will not take this one for dead within a minute. */
  isSure(): boolean
  /** True if no other server can have taken {@link ServerHolds.takeAlone} from this one. */
  isHeard(): boolean
  /** Frees all but the holds of {@link ServerHolds.releaseLater}, and tells the other servers so. */
  close(): Promise<void>
}

/** Milliseconds between two signs of life. */
const beatMilliseconds = 5000

/** Milliseconds of silence after which a server is dead for others, and holds nothing. */
const silentMilliseconds = 120_000

/** Share of that silence after which others may take over a duty. Two servers with one duty do no harm, so it is short. */
const quietShare = 1 / 4

/** Most rows in one statement. */
const rowsInStatement = 500

/** Milliseconds since 1970 by the clock of the database, which all servers share. */
export const databaseNow = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`

/**
 * Enters this server in a shared catalog, and gives signs of life until it closes.
 * @param silent see {@link silentMilliseconds}
 * @param beats the catalog through which it gives them
 */
export async function startServerHolds(
  catalog: Catalog,
  log: Logger,
  silent: number = silentMilliseconds,
  beats: Catalog = catalog,
): Promise<ServerHolds> {
  const serverId = randomUUID()
  const closing = new AbortController()
  const { signal } = closing
  const every = Math.min(beatMilliseconds, silent / 24)
  const quiet = silent * quietShare
  /** Holds to free, by id, with the time by `performance.now()` until which their commit may still come. */
  const unreleased = new Map<string, number>()
  /** Holds to free later, by id, with that time by `performance.now()`. */
  const later = new Map<string, number>()
  const now = () => [performance.now(), Date.now()] as const
  let lastSign = now()

  const remove = async (id: string) => {
    await catalog.deleteFrom('server_holds').where('id', '=', id).execute()
    if (performance.now() >= (unreleased.get(id) ?? 0)) unreleased.delete(id)
  }
  const sinceSign = () => {
    const [clock, date] = lastSign
    // One of the clocks stands still while the machine sleeps, the other one may be set back.
    return Math.max(performance.now() - clock, Date.now() - date)
  }
  const beat = async () => {
    const [sign, silence] = [now(), sinceSign()]
    const { seen_at } = await beats
      .insertInto('servers')
      .values({ id: serverId, seen_at: databaseNow })
      .onConflict(conflict => conflict.column('id').doUpdateSet({ seen_at: databaseNow }))
      .returning('seen_at')
      .executeTakeFirstOrThrow()
    lastSign = sign
    followClock(seen_at - Date.now())
    // After an outage of the database, the others have their turn first.
    if (silence > 4 * every) return
    const dead = await catalog
      .deleteFrom('servers')
      .where('seen_at', '<', sql<number>`${databaseNow} - ${sql.lit(silent)}`)
      .returning('id')
      .execute()
    for (const { id } of dead) log.warn({ server: id }, 'a server has been silent for long: what it held is free')
  }
  /** Runs work at intervals, until the server closes. Requests log why the database does not answer. */
  const repeat = async (work: () => Promise<void>) => {
    while (!signal.aborted) {
      await delay(every, undefined, { signal, ref: false }).catch(() => undefined)
      if (!signal.aborted) await work().catch(() => undefined)
    }
  }
  /** The holds of servers that were heard lately. */
  const heard = (transaction: Catalog, kind: Hold['kind']) =>
    transaction
      .selectFrom('server_holds')
      .innerJoin('servers', 'servers.id', 'server_id')
      .where('kind', '=', kind)
      .where('seen_at', '>', sql<number>`${databaseNow} - ${sql.lit(quiet)}`)
  const takeIn = async (transaction: Catalog, id: string, holds: readonly Hold[]) => {
    // Others may have taken this server for dead meanwhile.
    await transaction
      .insertInto('servers')
      .values({ id: serverId, seen_at: databaseNow })
      .onConflict(conflict => conflict.column('id').doNothing())
      .execute()
    const rows = holds.map(({ kind, name, bytes = 0 }) => ({ id, kind, name, bytes, server_id: serverId }))
    for (let from = 0; from < rows.length; from += rowsInStatement) {
      const some = rows.slice(from, from + rowsInStatement)
      await transaction.insertInto('server_holds').values(some).execute()
    }
    return id
  }
  const decide: ServerHolds['decide'] = async work => {
    const ids: string[] = []
    try {
      return await catalog.transaction().execute(transaction =>
        work(transaction, holds => {
          const id = randomUUID()
          ids.push(id)
          return takeIn(transaction, id, holds)
        }),
      )
    } catch (error) {
      // Nobody else knows these ids, and the server may live for months.
      if (error instanceof OutcomeUnknown) for (const id of ids) unreleased.set(id, performance.now() + silent)
      throw error
    }
  }
  await beat()
  const repeated = notWaiting(() =>
    Promise.all([
      repeat(beat),
      repeat(async () => {
        for (const [id, time] of later) {
          if (performance.now() < time) continue
          later.delete(id)
          unreleased.set(id, 0)
        }
        for (const id of unreleased.keys()) await remove(id)
      }),
    ]),
  )

  return {
    serverId,
    decide,
    takeAlone: (kind, name) =>
      decide(async (transaction, take) => {
        await lockName(transaction, `${kind} ${name}`)
        const others = heard(transaction, kind).where('name', '=', name)
        if (await others.select('server_id').limit(1).executeTakeFirst()) return undefined
        await transaction.deleteFrom('server_holds').where('kind', '=', kind).where('name', '=', name).execute()
        return take([{ kind, name }])
      }),
    async countByName(transaction, kind) {
      const counted = sql<number>`count(*)`.as('held')
      const rows = await heard(transaction, kind).select(['name', counted]).groupBy('name').execute()
      return new Map(rows.map(({ name, held }) => [name, held]))
    },
    async has(id) {
      const row = await catalog.selectFrom('server_holds').select('id').where('id', '=', id).executeTakeFirst()
      return row !== undefined
    },
    async release(id) {
      unreleased.set(id, 0)
      await notWaiting(() => remove(id)).catch(() => undefined)
    },
    releaseLater: (id, milliseconds) => void later.set(id, performance.now() + milliseconds),
    isSure: () => sinceSign() < silent / 2,
    isHeard: () => sinceSign() < quiet,
    async close() {
      closing.abort()
      await repeated
      const own = catalog.deleteFrom('server_holds').where('server_id', '=', serverId)
      const all = catalog.deleteFrom('servers').where('id', '=', serverId)
      const freed = later.size > 0 ? own.where('id', 'not in', [...later.keys()]) : all
      await freed.execute().catch(() => undefined)
    },
  }
}
