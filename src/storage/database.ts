import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { type Generated, Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { migrations } from './migrations.ts'
import { sqliteDialect } from './sqlite-dialect.ts'

/** The catalog's tables. Times are RFC 3339 texts, documents JSON texts, digests `sha256:<hex>`. */
export type Tables = {
  /** One row: the id of the store that the catalog belongs to, as in `tureen.json`. */
  store: { id: string }
  models: {
    id: string
    name: string | null
    sha256: string
    fingerprint: string
    description: string
    recipe: string | null
    created_at: string
    expires_at: string | null
  }
  /** The files of models: `location` is what the model calls a data file, empty for the model's own. */
  model_files: { model_id: string; location: string; sha256: string; bytes: number }
  /** Labels of models, data sets and jobs alike; ids are unique among all of them. */
  labels: { owner_id: string; key: string; value: string }
  jobs: {
    id: string
    type: string
    status: string
    request: string
    progress: string | null
    result: string | null
    error: string | null
    /** What lists show of the request and the result: the name in the request, and `JobSummary['search']` as JSON. */
    name: string | null
    search_summary: string | null
    /** How many rows of `job_result_parts` have the result's JSON text; null if `result` has it. */
    result_parts: number | null
    created_at: string
    started_at: string | null
    finished_at: string | null
    expires_at: string | null
  }
  job_result_parts: { job_id: string; part: number; text: string }
  /** Models and data sets that a job needs. */
  job_inputs: { job_id: string; input_id: string }
  datasets: {
    id: string
    name: string | null
    sha256: string
    bytes: number
    description: string
    created_at: string
    expires_at: string | null
  }
  dataset_files: { dataset_id: string; position: number; name: string; sha256: string; bytes: number }
  /** `model_sha256`: of a score of a model by itself, else null; then `subject` says on what and by what, as JSON. */
  scores: {
    key: string
    value: string
    created_at: string
    job_id: string | null
    model_sha256: string | null
    subject: string | null
  }
  /** What has been created under an Idempotency-Key: `resource_id`. `fingerprint` is the digest of the request that did. */
  idempotency_keys: {
    scope: string
    key: string
    fingerprint: string
    outcome: string
    resource_id: string | null
    expires_at: string
  }
  /** Of an event `done` the data are null: what is sent is the job itself. */
  job_events: { sequence: Generated<number>; job_id: string; type: string; data: string }
}

export type Catalog = Kysely<Tables>

/** Writes down what must be kept if, and only if, `created` is: called in the transaction that creates it. */
export type KeepWith<Created> = (transaction: Catalog, created: Created) => Promise<void>

/** For what is created with nothing beside it. */
export const nothingBeside = async (): Promise<void> => undefined

/**
 * Opens the catalog and brings its tables up to date. A committed transaction is on the disk: the write-ahead log is flushed at
 * every commit.
 *
 * @param storeId the id that the catalog gets if it has none
 * @throws Error that says why the catalog cannot be opened
 */
export async function openCatalog(path: string, storeId: string = randomUUID()): Promise<Catalog> {
  const catalog = connectCatalog(path)
  try {
    // SQLite would make a file that only its owner can write, and its log like it, whatever the umask.
    await (await open(path, 'a')).close()
    await bringUpToDate(catalog, storeId)
    return catalog
  } catch (error) {
    await catalog.destroy().catch(() => undefined)
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The catalog ${path} cannot be opened: ${reason}.`, { cause: error })
  }
}

/** A connection to the catalog as it is, with the tables of whichever version wrote it. */
export function connectCatalog(path: string): Catalog {
  return new Kysely<Tables>({ dialect: sqliteDialect(path) })
}

/** Gives a catalog the tables of this version, and the id of its store if it has none: all of it or, if it is cut off, nothing. */
export async function bringUpToDate(catalog: Catalog, storeId: string): Promise<void> {
  await catalog.transaction().execute(async transaction => {
    await migrate(transaction)
    await keepStoreId(transaction, storeId)
  })
  // A catalog that loses its log then still has its tables, its id and all that it had at this start. A full disk may refuse it.
  await shrinkLog(catalog).catch(() => undefined)
}

async function migrate(catalog: Catalog): Promise<void> {
  const migrator = new Migrator({ db: catalog, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
}

async function keepStoreId(catalog: Catalog, id: string): Promise<void> {
  const store = await catalog.selectFrom('store').select('id').executeTakeFirst()
  if (!store) await catalog.insertInto('store').values({ id }).execute()
}

/** Writes what SQLite's log holds into the database, and gives the log's space on disk back. */
export async function shrinkLog(catalog: Catalog): Promise<void> {
  await sql`pragma wal_checkpoint(truncate)`.execute(catalog)
}
