import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Catalog } from '../database.ts'
import { failureReason } from './database-failures.ts'
import { poolOf } from './database-pool.ts'
import { cannotBeOpened, type DatabaseFacts, unusable } from './open-postgres.ts'
import { catalogIn } from './postgres-dialect.ts'
import { storeLockKey } from './store-lock.ts'

/** Most seconds until the lock of a server that has just died is free. */
const lockSeconds = 10

const retryMilliseconds = 500

/**
 * Runs `use` with a database, beside the servers that use it.
 * @throws Error that says why the database cannot be used; it never contains a password
 */
export async function withDatabase<Result>(url: string, use: (catalog: Catalog) => Promise<Result>): Promise<Result> {
  const catalog = catalogIn(poolOf(url, 1, () => undefined))
  try {
    await askVersion(catalog, url)
    return await use(catalog)
  } finally {
    await catalog.destroy()
  }
}

/**
 * Runs `use` in one transaction of a database, while no server has it open. The transaction holds the lock of the store, and needs no
 * connection that lasts longer.
 * @throws Error as {@link withDatabase} does, and if a server has the database open
 */
export function inLoneTransaction<Result>(
  url: string,
  use: (transaction: Catalog) => Promise<Result>,
): Promise<Result> {
  return withDatabase(url, catalog =>
    catalog.transaction().execute(async transaction => {
      await lockAlone(transaction, url)
      return use(transaction)
    }),
  )
}

/** Runs `use` on the rows of one moment. It changes nothing. */
export function inSnapshot<Result>(catalog: Catalog, use: (snapshot: Catalog) => Promise<Result>): Promise<Result> {
  return catalog.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(use)
}

async function askVersion(catalog: Catalog, url: string): Promise<void> {
  const facts = sql<DatabaseFacts>`select current_setting('server_version_num') as number,
    current_setting('server_version') as version, current_setting('server_encoding') as encoding`
  const { rows } = await facts.execute(catalog).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    throw cannotBeOpened(url, failureReason(cause), error)
  })
  for (const each of rows) {
    const reason = unusable(each)
    if (reason !== undefined) throw cannotBeOpened(url, reason, undefined)
  }
}

async function lockAlone(transaction: Catalog, url: string): Promise<void> {
  const until = performance.now() + lockSeconds * 1000
  for (;;) {
    const { rows } = await sql<{ taken: boolean }>`select pg_try_advisory_xact_lock(${storeLockKey}) as taken`.execute(
      transaction,
    )
    if (rows[0]?.taken) return
    if (performance.now() >= until) break
    await delay(retryMilliseconds)
  }
  throw new Error(
    `The database ${new URL(url).pathname.slice(1)} (TUREEN_DATABASE_URL) is in use by a Tureen server. Stop all servers of it, or name another database.`,
  )
}

/** Tables of a database. `store`: id of the store whose catalog they are; null if they are of another program, or of no store yet. */
export type DatabaseTables = { names: string[]; store: string | null }

/** Returns the tables of the schema in which a catalog would make its own. */
export async function databaseTables(transaction: Catalog): Promise<DatabaseTables> {
  const { rows } = await sql<{ name: string }>`select tablename as name from pg_tables
    where schemaname = current_schema() order by tablename`.execute(transaction)
  const names = rows.map(({ name }) => name)
  const isOurs = ['kysely_migration', 'models', 'store'].every(name => names.includes(name))
  const found = isOurs ? await transaction.selectFrom('store').select('id').executeTakeFirst() : undefined
  return { names, store: found?.id ?? null }
}
