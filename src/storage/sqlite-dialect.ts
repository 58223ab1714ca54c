import { once } from 'node:events'
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
import type { SqliteAnswer, SqliteRequest } from './sqlite-thread.ts'

/** Statements are small, and rows are read a page at a time. */
const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 256 }

/** Kysely's dialect for a SQLite database that is open in a thread of its own. */
export function sqliteDialect(path: string): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: database => new SqliteIntrospector(database),
    createDriver: () => threadDriver(path),
  }
}

function threadDriver(path: string): Driver {
  const thread = startThread(path)
  const run = async (sql: string, parameters: readonly unknown[]): Promise<QueryResult<never>> => {
    const { rows, changes } = await thread.ask({ sql, parameters })
    // What a statement returns is what the tables' types say of it, as with every driver of Kysely's.
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
    beginTransaction: () => execute('begin'),
    commitTransaction: () => execute('commit'),
    rollbackTransaction: () => execute('rollback'),
    destroy: thread.close,
  }
}

type Rows = { rows: unknown[]; changes?: number | bigint }
type Waiting = { resolve(rows: Rows): void; reject(error: Error): void }

function startThread(path: string) {
  const worker = new Worker(new URL('./sqlite-thread.ts', import.meta.url), {
    workerData: { sqlite: path },
    resourceLimits,
  })
  const waiting = new Map<number, Waiting>()
  let asked = 0
  let gone: Error | undefined
  const end = (error: Error) => {
    gone ??= error
    for (const { reject } of waiting.values()) reject(gone)
    waiting.clear()
  }
  worker.on('error', end)
  worker.on('exit', () => end(new Error(`the catalog ${path} is closed`)))
  worker.on('message', (answer: SqliteAnswer) => {
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
    /** @throws Error as SQLite's, with its `errcode` */
    ask,
    async close() {
      const exited = once(worker, 'exit')
      await ask({})
      await exited
    },
  }
}
