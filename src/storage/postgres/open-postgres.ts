import { Client, DatabaseError } from 'pg'
import type { Logger } from 'pino'
import type { DataDirectory } from '../data-directory.ts'
import { bringUpToDate, type Catalog } from '../database.ts'
import { failureReason } from './database-failures.ts'
import { poolOf, settingsOf } from './database-pool.ts'
import { catalogIn } from './postgres-dialect.ts'
import { type LockKind, lockStore, StoreIsHeld, waitForDatabase } from './store-lock.ts'

/**
 * Addresses of a database, as `postgres://` URLs. `url`: for the statements of requests and jobs; it may be a pooler. `directUrl`: the
 * database itself, for the lock and the migrations, which need a connection that lasts.
 */
export type DatabaseAddress = { url: string; directUrl: string }

/** Seconds that a start waits for a database that does not answer. */
const startSeconds = 60

/** Most connections of one server for statements. Others wait for a free one. */
const poolSize = 10

/** Oldest version of PostgreSQL that the catalog works with, as `server_version_num` has it. */
const oldestVersion = 130_000

/**
 * How a server uses a catalog. `kind`: alone, or together with others. `onTaken`: called when another server has taken the database from a
 * running server. `prepare`: makes tables beside those of the catalog, while no other server makes any.
 */
export type CatalogUse = {
  kind: LockKind
  onTaken: (error: Error) => void
  prepare: (direct: Catalog) => Promise<void>
}

/**
 * Opens the catalog in a database of PostgreSQL and brings its tables up to date.
 * @param directory the data directory. Its id becomes that of a new catalog; a catalog with another id is refused, unless the directory adopts it
 * @throws Error that says why the catalog cannot be opened, and what to do; without passwords
 */
export async function openPostgresCatalog(
  address: DatabaseAddress,
  directory: Pick<DataDirectory, 'id' | 'adopt'>,
  log: Logger,
  { kind, onTaken, prepare }: CatalogUse,
): Promise<Catalog> {
  const connect = async () => {
    const client = new Client(settingsOf(address.directUrl))
    // An error of an idle connection comes before its end.
    client.on('error', error => log.warn({ reason: failureReason(error) }, 'a connection to the database was lost'))
    await client.connect()
    return client
  }
  const client = await waitForDatabase(connect, {
    seconds: startSeconds,
    mayPass,
    onWaiting: reason => log.warn({ reason }, 'the server waits for its database'),
  }).catch((error: unknown) => {
    throw cannotBeOpened(address.directUrl, failureReason(error), error)
  })
  const opened: { end(): Promise<void> }[] = [client]
  try {
    await requireUsable(client)
    const lock = await lockStore(client, kind, connect, onTaken)
    opened.push({ end: lock.release })
    await oneAtATime(client, () => migrate(address.directUrl, directory.id, prepare))
    const onIdleError = (error: unknown) =>
      log.warn({ reason: failureReason(error) }, 'an idle connection to the database was lost')
    const catalog = catalogIn(poolOf(address.url, poolSize, onIdleError), lock.release)
    opened.push({ end: () => catalog.destroy() })
    await requireStore(catalog, directory)
    return catalog
  } catch (error) {
    await opened
      .at(-1)
      ?.end()
      .catch(() => undefined)
    if (error instanceof StoreIsHeld) throw error
    throw cannotBeOpened(address.url, failureReason(error), error)
  }
}

/** True if a database that refuses a connection so may take one later: it starts, recovers, or has no free connection. */
function mayPass(error: unknown): boolean {
  return !(error instanceof DatabaseError) || /^(08|53|57)/.test(error.code ?? '')
}

async function requireUsable(client: Client): Promise<void> {
  const text = `select current_setting('server_version_num') as number, current_setting('server_version') as version,
    current_setting('server_encoding') as encoding`
  const { rows } = await client.query<DatabaseFacts>(text)
  for (const facts of rows) {
    const reason = unusable(facts)
    if (reason !== undefined) throw new Error(reason)
  }
}

/** Facts about a database. `number`: the version as a number, such as 150019. */
export type DatabaseFacts = { number: string; version: string; encoding: string }

/** Returns the reason why the catalog cannot be in a database; undefined if it can. */
export function unusable({ number, version, encoding }: DatabaseFacts): string | undefined {
  if (Number(number) < oldestVersion) return `it is PostgreSQL ${version}, and Tureen needs 13 or newer`
  if (encoding === 'UTF8') return undefined
  return `its encoding is ${encoding}, and Tureen needs UTF8: create the database with ENCODING 'UTF8'`
}

/** Key of the advisory lock of a server that makes or changes tables: the bytes of "table". */
const tablesKey = 0x7461_626c65

/** Makes or changes tables while no other server does. */
async function oneAtATime(client: Client, change: () => Promise<void>): Promise<void> {
  await client.query('select pg_advisory_lock($1)', [tablesKey])
  try {
    await change()
  } finally {
    await client.query('select pg_advisory_unlock($1)', [tablesKey]).catch(() => undefined)
  }
}

async function migrate(directUrl: string, storeId: string, prepare: CatalogUse['prepare']): Promise<void> {
  const catalog = catalogIn(poolOf(directUrl, 1, () => undefined))
  try {
    await bringUpToDate(catalog, storeId)
    await prepare(catalog)
  } finally {
    await catalog.destroy()
  }
}

/** Checks that the catalog belongs to the data directory. It asks through the address of requests, which must be the same database. */
async function requireStore(catalog: Catalog, directory: Pick<DataDirectory, 'id' | 'adopt'>): Promise<void> {
  const { id } = await catalog.selectFrom('store').select('id').executeTakeFirstOrThrow()
  if (await directory.adopt(id)) return
  throw new Error(
    `it belongs to the store ${id}, and the data directory (TUREEN_DATA) to the store ${directory.id}. Set TUREEN_DATA to the directory of that store, or TUREEN_DATABASE_URL to another database`,
  )
}

/** Returns the error of a database that cannot hold the catalog. @param url its address, of which the error shows host and name */
export function cannotBeOpened(url: string, reason: string, cause: unknown): Error {
  const { hostname, port, pathname } = new URL(url)
  const at = `${hostname}${port ? `:${port}` : ''}${pathname}`
  return new Error(`The catalog in the database ${at} (TUREEN_DATABASE_URL) cannot be opened: ${reason}.`, { cause })
}
