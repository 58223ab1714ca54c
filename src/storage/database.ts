import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { type Generated, Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { isPostgres } from './catalog-sql.ts'
import { migrations } from './migrations/migrations.ts'
import { keepMigrationNeeds, newerMigrations } from './newer-migrations.ts'
import { closeToOthers } from './private-files.ts'
import { openSqlite } from './sqlite-dialect.ts'

/** The tables of the catalog, in SQLite or PostgreSQL. Times are RFC 3339 texts, documents are JSON texts, digests are `sha256:<hex>`. */
export type Tables = {
  /** One row with the id of the store, which `tureen.json` has too. */
  store: { id: string }
  models: {
    id: string
    name: string | null
    sha256: string
    fingerprint: string
    /** `model` or `checkpoint`. */
    kind: Generated<string>
    description: string
    recipe: string | null
    created_at: string
    expires_at: string | null
  }
  /** The files of models. `location`: the location of external data; empty for the model's own file. */
  model_files: { model_id: string; location: string; sha256: string; bytes: number }
  /** PostgreSQL only: one row with the number and bytes of all content of records, each counted once. Triggers keep it. */
  content_total: { files: number; bytes: number }
  /** Labels of models, data sets and jobs alike; ids are unique among all of them. */
  labels: { owner_id: string; key: string; value: string }
  jobs: {
    id: string
    type: string
    status: string
    request: string
    progress: string | null
    error: string | null
    /** Copies for lists: the name of the request, and `JobSummary['search']` as JSON. */
    name: string | null
    search_summary: string | null
    /** Number of rows of `job_result_parts` with the JSON text of the result; null without a result. */
    result_parts: number | null
    /** Starts since the last new progress, without those that a clean stop ended; null for 0 in rows of earlier versions. */
    attempts: number | null
    /** `FailedStart` as JSON; null if no start has failed. */
    last_failure: string | null
    created_at: string
    started_at: string | null
    finished_at: string | null
    expires_at: string | null
    /** Time since which a queued job waits for scores from outside: see `job-status.ts`. Null for other jobs. */
    waiting_since: string | null
  }
  job_result_parts: { job_id: string; part: number; text: string }
  /** Samples that the winner of a search newly gets right or wrong, as JSON: see `job-mistakes.ts`. */
  job_mistakes: { job_id: string; part: number; mistakes: string }
  /** Models, data sets and exports that a job needs. */
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
  /**
   * How weights of models follow from checkpoints. `sha256`: digest of the model, the checkpoint and the correspondence. `description` and
   * `correspondence`: JSON; the second may be large, and no list reads it.
   */
  exports: {
    id: string
    name: string | null
    sha256: string
    model_id: string
    checkpoint_id: string
    description: string
    created_at: string
    expires_at: string | null
    correspondence: string
  }
  dataset_files: { dataset_id: string; position: number; name: string; sha256: string; bytes: number }
  /**
   * Kept scores. `models`: numbers in `scored_models` of the models that the score needs. For scores that lists show, `model_sha256` is the
   * model, and `subject` the data set and scoring metric as JSON.
   */
  scores: {
    key: string
    value: string
    created_at: string
    job_id: string | null
    models: string
    model_sha256: string | null
    subject: string | null
  }
  /** Numbers of the models that scores need. A number is never used again. */
  scored_models: { number: Generated<number>; sha256: string }
  /** Idempotency keys. `resource_id`: the created record; `fingerprint`: the digest of the request that created it. */
  idempotency_keys: {
    scope: string
    key: string
    fingerprint: string
    outcome: string
    resource_id: string | null
    expires_at: string
  }
  /** Events of jobs. The data of an event `done` is null, because the server sends the job itself. */
  job_events: { sequence: Generated<number>; job_id: string; type: string; data: string }
  /**
   * Ranges of candidates that running searches offer to other workers. `candidates`: the range as JSON. `holder`: the worker that has taken it,
   * with its number of `evaluators`. `beats`: its signs of life so far. `settled`: 1 once the worker has ended its work.
   */
  candidate_ranges: {
    id: string
    job_id: string
    candidates: string
    holder: string | null
    evaluators: number
    beats: number
    settled: number
  }
  /**
   * Searches with scores from outside. `direction`: that of the only term; null for a list. `begun_at`: the first start; `ends_at`: the end of the
   * budget of seconds; `heard_at`: the last sign of a scorer.
   */
  external_searches: {
    job_id: string
    direction: string | null
    begun_at: string | null
    ends_at: string | null
    heard_at: string | null
  }
  /** Leases of candidates of these searches. A lease stays after it has expired. */
  search_leases: { id: string; job_id: string; expires_at: string }
  /**
   * Candidates that scorers from outside score. `score_key`: key of the kept score; `models`: as in `scores`; `soup`, `outcome`,
   * `details` and `sample_scores`: JSON. `required`: 1 if the search waits for it, 0 if
   * it may need it soon, -1 if it needs it no more. `outcome_digest`: tells whether another outcome is the same.
   */
  search_candidates: {
    id: string
    job_id: string
    place: number
    score_key: string
    models: string
    split: string
    scorer: string
    version: string
    soup: string
    required: number
    state: string
    attempts: number
    lease_id: string | null
    leased_at: string | null
    outcome: string | null
    details: string | null
    outcome_digest: string | null
    sample_scores: string | null
    created_at: string
    settled_at: string | null
  }
  /** The running servers that share this catalog. `seen_at`: milliseconds since 1970 of the last sign of life. */
  servers: { id: string; seen_at: number }
  /** Rows that these servers hold, and that go with them. Rows with one `id` are taken and freed together. */
  server_holds: { number: Generated<number>; id: string; kind: string; name: string; bytes: number; server_id: string }
}

export type Catalog = Kysely<Tables>

/** Writes rows that must exist exactly if `created` does. It is called in the transaction that creates it. */
export type KeepWith<Created> = (transaction: Catalog, created: Created) => Promise<void>

/** A {@link KeepWith} that writes nothing. */
export const nothingBeside = async (): Promise<void> => undefined

/**
 * Opens a catalog of SQLite and brings its tables up to date. A committed transaction is on disk, because SQLite flushes the write-ahead log at
 * every commit.
 *
 * @param storeId the id that the catalog gets if it has none
 * @throws Error that says why the catalog cannot be opened
 */
export async function openCatalog(path: string, storeId: string = randomUUID()): Promise<Catalog> {
  let catalog: Catalog | undefined
  try {
    // Create the file first, to respect the umask. SQLite would create a file and a log that only the owner can write.
    await (await open(path, 'a')).close()
    // The log gets the mode of the catalog.
    await closeToOthers(path)
    catalog = connectCatalog(path)
    await bringUpToDate(catalog, storeId)
    return catalog
  } catch (error) {
    await catalog?.destroy().catch(() => undefined)
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The catalog ${path} cannot be opened: ${reason}.`, { cause: error })
  }
}

const questions = new WeakMap<Catalog, () => Promise<unknown>>()

/** Returns a connection to a catalog of SQLite without a migration. Its tables are those of the version that wrote it. */
export function connectCatalog(path: string): Catalog {
  const { dialect, runBeside } = openSqlite(path)
  const catalog = new Kysely<Tables>({ dialect })
  questions.set(catalog, () => runBeside('select 1 from models limit 1'))
  return catalog
}

/**
 * Asks whether a catalog answers. Unlike other statements, this question does not wait until an open transaction of SQLite has ended.
 * @throws Error of the database; TureenError `TUREEN_CATALOG_UNAVAILABLE` if its thread ended, or if PostgreSQL does not answer
 */
export async function askCatalog(catalog: Catalog): Promise<void> {
  const ask = questions.get(catalog) ?? (() => catalog.selectFrom('models').select('id').limit(1).execute())
  await ask()
}

/** Gives a catalog the tables of this version, and the id of its store if it has none, in one transaction. */
export async function bringUpToDate(catalog: Catalog, storeId: string): Promise<void> {
  await catalog.transaction().execute(async transaction => {
    await makeTables(transaction)
    await keepStoreId(transaction, storeId)
  })
  // If the log gets lost later, the catalog still has all that it had at this start. On a full disk this may fail.
  await shrinkLog(catalog).catch(() => undefined)
}

/** Gives a catalog the tables of this version, in the transaction of the caller if it has begun one. */
export async function makeTables(catalog: Catalog): Promise<void> {
  const all = { ...migrations, ...(await newerMigrations(catalog)) }
  const migrator = new Migrator({ db: catalog, provider: { getMigrations: async () => all } })
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
  await keepMigrationNeeds(catalog)
}

async function keepStoreId(catalog: Catalog, id: string): Promise<void> {
  const store = await catalog.selectFrom('store').select('id').executeTakeFirst()
  if (!store) await catalog.insertInto('store').values({ id }).execute()
}

/** Moves the content of SQLite's write-ahead log into the database, and frees the disk space of the log. PostgreSQL does it by itself. */
export async function shrinkLog(catalog: Catalog): Promise<void> {
  if (isPostgres(catalog)) return
  await sql`pragma wal_checkpoint(truncate)`.execute(catalog)
}
