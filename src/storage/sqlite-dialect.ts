import { once } from 'node:events'
import { basename } from 'node:path'
import { Worker } from 'node:worker_threads'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { TureenError } from '../errors.ts'
import { moduleUrl } from '../own-modules.ts'
import type { SqliteAnswer, SqliteRequest } from './sqlite-thread.ts'

/** Memory limits of the thread. Small ones are enough, since statements are small and rows are read page by page. */
const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 256 }

/**
 * Opens an SQLite database in its own thread.
 * @returns Kysely's dialect for it, and a function that runs a statement beside an open transaction, in which it sees uncommitted rows
 */
export function openSqlite(path: string): { dialect: Dialect; runBeside(sql: string): Promise<unknown> } {
  const thread = restartedThread(path)
  const dialect: Dialect = {
    createAdapter: () => new TransactionalSqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: database => new SqliteIntrospector(database),
    createDriver: () => threadDriver(path, thread),
  }
  return { dialect, runBeside: sql => thread.ask({ sql, parameters: [] }) }
}

/** An adapter that allows schema changes in transactions, which SQLite supports and Kysely's own adapter denies. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

function threadDriver(path: string, thread: RestartedThread): Driver {
  /** Number of the thread in which the open transaction began. If that thread ends, the transaction ends too. */
  let transactionIn: number | undefined
  const run = async (sql: string, parameters: readonly unknown[]): Promise<QueryResult<never>> => {
    // After a restart of the thread, the rest of a transaction must not be committed without its beginning.
    if (transactionIn !== undefined && transactionIn !== thread.current()) throw threadEnded(path)
    const { rows, changes } = await thread.ask({ sql, parameters })
    // Like every driver of Kysely, this one trusts the types of the tables.
    const result: QueryResult<never> = { rows: rows as never[] }
    return changes === undefined ? result : { ...result, numAffectedRows: BigInt(changes) }
  }
  const connection: DatabaseConnection = {
    executeQuery: ({ sql, parameters }) => run(sql, parameters),
    streamQuery() {
      throw new TypeError('rows are read a page at a time')
    },
  }
  const execute = async (sql: string) => void (await connection.executeQuery(CompiledQuery.raw(sql)))
  return {
    init: async () => undefined,
    acquireConnection: async () => connection,
    releaseConnection: async () => undefined,
    async beginTransaction() {
      transactionIn = undefined
      // SQLite waits for another process here. In a transaction that has read, a write fails at once.
      await execute('begin immediate')
      transactionIn = thread.current()
    },
    async commitTransaction() {
      await execute('commit')
      transactionIn = undefined
    },
    async rollbackTransaction() {
      const isThere = transactionIn === thread.current()
      transactionIn = undefined
      if (isThere) await execute('rollback')
    },
    destroy: thread.close,
  }
}

type Rows = { rows: unknown[]; changes?: number | bigint }
type Waiting = { resolve(rows: Rows): void; reject(error: Error): void }
type Thread = ReturnType<typeof startThread>
type RestartedThread = ReturnType<typeof restartedThread>

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

function threadEnded(path: string, cause?: unknown): TureenError {
  const reason = cause instanceof Error ? cause.message : 'it ended'
  return new TureenError(
    'TUREEN_CATALOG_UNAVAILABLE',
    `The thread of the catalog ${basename(path)} ended (${reason}) and starts again. Send the request again. If it asks for a list, ask for fewer records at a time.`,
    [],
    { cause },
  )
}

/** Returns a thread for the database that is started again after it has died, such as for lack of memory. */
function restartedThread(path: string) {
  let starts = 1
  let closed = false
  let thread: Thread = startThread(path)
  return {
    /** Returns the number of the thread that answers the next request. */
    current: () => starts + (thread.hasEnded() ? 1 : 0),
    /** Runs a statement. @throws Error of SQLite with its `errcode`; TureenError `TUREEN_CATALOG_UNAVAILABLE` if the thread ended */
    ask(request: Omit<SqliteRequest, 'id'>): Promise<Rows> {
      if (thread.hasEnded() && !closed) {
        thread = startThread(path)
        starts += 1
      }
      return thread.ask(request)
    },
    async close() {
      closed = true
      await thread.close()
    },
  }
}

function startThread(path: string) {
  const worker = new Worker(moduleUrl('./sqlite-thread.ts', import.meta.url), {
    name: 'catalog',
    workerData: { sqlite: path },
    resourceLimits,
  })
  const waiting = new Map<number, Waiting>()
  let asked = 0
  let gone: Error | undefined
  // Before the first answer, an error may mean that the database cannot be opened.
  let hasAnswered = false
  let closing = false
  const end = (cause: Error) => {
    gone ??= cause
    for (const { reject } of waiting.values()) reject(gone)
    waiting.clear()
  }
  worker.on('error', cause => end(hasAnswered && !closing ? threadEnded(path, cause) : asError(cause)))
  worker.on('exit', () => end(closing ? new Error(`the catalog ${path} is closed`) : threadEnded(path)))
  worker.on('message', (answer: SqliteAnswer) => {
    hasAnswered = true
    const { resolve, reject } = waiting.get(answer.id) ?? {}
    waiting.delete(answer.id)
    if ('error' in answer) reject?.(Object.assign(new Error(answer.error.message), answer.error))
    else resolve?.(answer)
  })
  const ask = (request: Omit<SqliteRequest, 'id'>) =>
    new Promise<Rows>((resolve, reject) => {
      if (gone) return reject(gone)
      asked += 1
      waiting.set(asked, { resolve, reject })
      worker.postMessage({ id: asked, ...request })
    })
  return {
    hasEnded: () => gone !== undefined,
    ask,
    async close() {
      closing = true
      if (gone) return
      const exited = once(worker, 'exit')
      await ask({})
      await exited
    },
  }
}
