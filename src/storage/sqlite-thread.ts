import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'

/**
 * The thread that reads and writes the catalog: SQLite waits for the disk, and the event loop must not. It imports no other module, to
 * stay small.
 */

/** A request to the thread. `id`: repeated in the answer; without `sql`, the thread closes the database. */
export type SqliteRequest = { id: number; sql?: string; parameters?: readonly unknown[] }

/** An answer of the thread. Of an error, only the message and SQLite's code arrive (https://www.sqlite.org/rescode.html). */
export type SqliteAnswer =
  | { id: number; rows: unknown[]; changes?: number | bigint }
  | { id: number; error: { message: string; errcode?: unknown } }

const busyMilliseconds = 5_000

/** Runs one statement. A committed transaction is on disk, because SQLite flushes the write-ahead log at every commit. */
function answer(database: DatabaseSync, { id, sql, parameters = [] }: SqliteRequest): SqliteAnswer {
  try {
    if (sql === undefined) {
      database.close()
      return { id, rows: [] }
    }
    // On a full disk SQLite rolls back by itself. A second rollback by Kysely would fail and hide the first error.
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
  // Another process, such as a backup, may hold the database for a moment.
  const database = new DatabaseSync(path, { timeout: busyMilliseconds })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
  port.on('message', (request: SqliteRequest) => {
    port.postMessage(answer(database, request))
    if (request.sql === undefined) port.close()
  })
}

if (parentPort && typeof workerData?.sqlite === 'string') serve(parentPort, workerData.sqlite)
