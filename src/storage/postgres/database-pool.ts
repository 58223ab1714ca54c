import { setTimeout as delay } from 'node:timers/promises'
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { DatabaseLost, OutcomeUnknown } from '../lost-database.ts'
import { patienceHere } from '../patience.ts'
import { catalogFailure, isConnectionLost } from './database-failures.ts'

/** How long a pool waits. */
export type PoolPatience = {
  /** Milliseconds until a new connection must be open, also one that waits for a free place in the pool. */
  connect: number
  /** Milliseconds after which a statement counts as lost, and its connection as dead. */
  statement: number
}

/** Statements of the catalog are small. */
const usualPatience: PoolPatience = { connect: 10_000, statement: 60_000 }

/** Milliseconds of silence after which the system asks the other end of a connection whether it lives. It gives up ten seconds later. */
const keepAliveMilliseconds = 5_000

/** Numbers of PostgreSQL that pg returns as texts: bigint and numeric. Counts and bytes of the catalog stay below 2^53. */
const numbers: ReadonlySet<number> = new Set([pg.types.builtins.INT8, pg.types.builtins.NUMERIC])

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (numbers.has(oid) ? Number : pg.types.getTypeParser(oid, format)),
}

/** Returns the settings of a connection. Without other parameters at the start: pgbouncer refuses those that it does not know. */
export function settingsOf(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'tureen',
    connectionTimeoutMillis: usualPatience.connect,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMilliseconds,
    types,
  }
}

/** Milliseconds between two tries of work that waits for the database. */
const betweenTries = 500

/**
 * Waits before work is tried again that has lost the database, if it may wait.
 * @returns false if the error is another one, or the work must not wait (any longer)
 */
export async function waitsAfter(failure: unknown): Promise<boolean> {
  const signal = failure instanceof DatabaseLost ? patienceHere() : undefined
  if (!signal) return false
  await delay(betweenTries, undefined, { signal }).catch(() => undefined)
  return !signal.aborted
}

/** The driver's answer to a statement. */
type DriverAnswer = Pick<pg.QueryResult, 'command' | 'rowCount' | 'rows'>

/** A connection of the driver, as far as the catalog uses it. */
export type DriverClient = {
  /** @returns a list for a text of several statements */
  query(sql: string, parameters: unknown[]): Promise<DriverAnswer | DriverAnswer[]>
  on(event: 'error', hear: (error: Error) => void): unknown
  release(destroy: boolean): void
}

/** A pool of the driver's connections. */
export type DriverPool = { connect(): Promise<DriverClient>; end(): Promise<void> }

/**
 * Returns a pool of connections to a database, which opens them when they are needed: see {@link catalogPool}.
 * @param onIdleError called when an idle connection is lost
 */
export function poolOf(
  url: string,
  most: number,
  onIdleError: (error: unknown) => void,
  { connect, statement }: PoolPatience = usualPatience,
): PostgresPool {
  const limits = { connectionTimeoutMillis: connect, query_timeout: statement }
  const pool = new pg.Pool({ ...settingsOf(url), ...limits, max: most })
  pool.on('error', onIdleError)
  return catalogPool(pool)
}

/**
 * Returns a pool with the errors of the catalogue. Work that may wait for the database gets no error while no connection can be opened, or
 * while it only reads.
 */
export function catalogPool(pool: DriverPool): PostgresPool {
  const clients = new WeakMap<DriverClient, PooledClient>()
  const connect = async () => {
    for (;;) {
      try {
        const client = await pool.connect()
        const pooled = clients.get(client) ?? new PooledClient(client, connect)
        clients.set(client, pooled)
        return pooled
      } catch (error) {
        const failure = catalogFailure(error)
        if (!(await waitsAfter(failure))) throw failure
      }
    }
  }
  return { options: {}, connect, end: () => pool.end() }
}

/** The answer to a rollback on a lost connection. PostgreSQL has rolled back by itself, and an error would hide the first one. */
const rolledBack = { command: 'ROLLBACK', rowCount: 0, rows: [] } as const satisfies PostgresQueryResult<never>

/** Returns the answers to several statements of one text as one. */
function combined(answers: readonly DriverAnswer[]): DriverAnswer {
  // Kysely hides the rows of other commands, such as a commit.
  return { command: 'SELECT', rowCount: null, rows: answers.flatMap(({ rows }) => rows) }
}

/** A connection of the pool. After it is lost, it takes no further statement, and leaves the pool. */
class PooledClient implements PostgresPoolClient {
  readonly #client: DriverClient
  readonly #another: () => Promise<PooledClient>
  #isInTransaction = false
  #lost: unknown
  /** True once the connection has left the pool before its release. */
  #hasLeft = false

  constructor(client: DriverClient, another: () => Promise<PooledClient>) {
    this.#client = client
    this.#another = another
    // Between two statements of a transaction no statement fails, and Node would end the process.
    client.on('error', error => {
      this.#lost ??= catalogFailure(error)
    })
  }

  query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>
  query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>
  query<Row>(
    statement: string | PostgresCursor<Row>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<Row>> | PostgresCursor<Row> {
    if (typeof statement !== 'string') throw new TypeError('rows are read a page at a time')
    return this.#isInTransaction || !statement.startsWith('select')
      ? this.#run(statement, parameters)
      : this.#read(statement, parameters)
  }

  async #read<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    try {
      return await this.#run(sql, parameters)
    } catch (failure) {
      if (!(await waitsAfter(failure))) throw failure
      this.#leave(failure)
      const another = await this.#another()
      try {
        return await another.#read(sql, parameters)
      } finally {
        another.release()
      }
    }
  }

  /** Leaves the pool at once: reads that wait for another connection would otherwise hold all places. */
  #leave(failure: unknown): void {
    this.#lost ??= failure
    this.release()
    this.#hasLeft = true
  }

  release(): void {
    if (!this.#hasLeft) this.#client.release(this.#lost !== undefined)
  }

  async #run<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    if (this.#lost !== undefined && sql === 'rollback') return rolledBack
    if (this.#lost !== undefined) throw this.#lost
    this.#isInTransaction = sql === 'begin' || (this.#isInTransaction && sql !== 'commit' && sql !== 'rollback')
    try {
      // Like every driver of Kysely, this one trusts the types of the tables.
      const answer = await this.#client.query(sql, [...parameters])
      const { command, rowCount, rows } = Array.isArray(answer) ? combined(answer) : answer
      return { command: command as PostgresQueryResult<Row>['command'], rowCount: rowCount ?? 0, rows }
    } catch (error) {
      const failure = catalogFailure(error)
      // A text of several statements may have begun a transaction, which stays open after a failure.
      if (isConnectionLost(error) || (!this.#isInTransaction && sql.includes(';'))) this.#lost = failure
      if (isConnectionLost(error) && sql === 'rollback') return rolledBack
      if (sql === 'commit' && failure instanceof DatabaseLost) throw new OutcomeUnknown(failure)
      throw failure
    }
  }
}
