import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'

/**
 * The thread in which the catalog is read and written: SQLite waits for the disk, and the event loop must not. It loads nothing else, so
 * that it is small.
 */

/** `id` comes back with the answer; without `sql` the database is closed. */
export type SqliteRequest = { id: number; sql?: string; parameters?: readonly unknown[] }

/** An error has lost its class and its properties on the way, but for SQLite's code (https://www.sqlite.org/rescode.html). */
export type SqliteAnswer =
  | { id: number; rows: unknown[]; changes?: number | bigint }
  | { id: number; error: { message: string; errcode?: unknown } }

const busyMilliseconds = 5_000

/** What one statement comes to. A committed transaction is on the disk: the write-ahead log is flushed at every commit. */
function answer(database: DatabaseSync, { id, sql, parameters = [] }: SqliteRequest): SqliteAnswer {
  try {
    if (sql === undefined) {
      database.close()
      return { id, rows: [] }
    }
    // When the disk is full SQLite rolls back by itself, and Kysely's rollback would hide that behind an error of its own.
    if (sql === 'rollback' && !database.isTransaction) return { id, rows: [] }
    const statement = database.prepare(sql)
    const values = parameters.map(inputValue)
    if (statement.columns().length > 0) return { id, rows: statement.all(...values) }
    return { id, rows: [], changes: statement.run(...values).changes }
  } catch (error) {
    if (!(error instanceof Error)) return { id, error: { message: String(error) } }
    return { id, error: { message: error.message, ...('errcode' in error ? { errcode: error.errcode } : {}) } }
  }
}

function inputValue(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  throw new TypeError(`SQLite has no value for a ${typeof value}`)
}

function serve(port: MessagePort, path: string): void {
  // Somebody else may be looking at it, such as a backup.
  const database = new DatabaseSync(path, { timeout: busyMilliseconds })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
  port.on('message', (request: SqliteRequest) => {
    port.postMessage(answer(database, request))
    if (request.sql === undefined) port.close()
  })
}

if (parentPort && typeof workerData?.sqlite === 'string') serve(parentPort, workerData.sqlite)
