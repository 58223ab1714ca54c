import { join } from 'node:path'
import { constants, DatabaseSync, type Session, type SQLInputValue, type StatementSync } from 'node:sqlite'
import pg from 'pg'
import { openCatalog } from '../../../src/storage/database.ts'
import { lockTable, type WantedLock } from './lock-table.ts'
import { type RowChange, rowChanges } from './row-changes.ts'
import { clockFunction, sqlOfSqlite, type TranslatedStatement } from './sql-of-sqlite.ts'

/** A row as the catalog has it. */
export type DatabaseRow = Record<string, unknown>

/** The answer to a statement. */
export type DatabaseAnswer = { command: string; rowCount: number; rows: DatabaseRow[] }

/** A transaction, or a statement outside of one. `context`: the work that began it, for those who watch commits. */
export type OpenTransaction = {
  context: unknown
  /** Rows that it has changed, as a changeset of SQLite. */
  changes: Uint8Array | undefined
  /** Texts that it tells others at its commit. */
  notices: { channel: string; text: string }[]
  hasFailed: boolean
  waitsFor: ReadonlySet<OpenTransaction>
  /** Statements of others that wait for its end. */
  waiting: (() => void)[]
}

/** A commit. `rows`: returns the rows that a query finds after it. */
export type ObservedCommit = { changes: RowChange[]; context: unknown }

/** Shape of a table. `unique`: the places of columns that are unique together; `parents`: the places of columns that name another row. */
type TableShape = {
  columns: string[]
  unique: number[][]
  parents: { table: string; column: number }[]
  counts: boolean
}

/**
 * A database with the isolation of PostgreSQL's `read committed`, one statement at a time: a statement sees what was committed before it, and
 * the changes of its own transaction. Rows are locked as PostgreSQL locks them. SQLite runs the statements.
 */
export type SimulatedPostgres = {
  begin(context: unknown): OpenTransaction
  /**
   * Runs a statement.
   * @returns the answer; or the transactions whose end it waits for, after which it must run again
   * @throws DatabaseError as PostgreSQL
   */
  execute(
    transaction: OpenTransaction,
    sql: string,
    parameters: readonly unknown[],
  ): DatabaseAnswer | { blockedBy: ReadonlySet<OpenTransaction> }
  /** @returns false if the transaction had failed, and was rolled back */
  commit(transaction: OpenTransaction): boolean
  rollback(transaction: OpenTransaction): void
  /** Returns committed rows, for those who watch. */
  look(sql: string, ...parameters: SQLInputValue[]): DatabaseRow[]
  /** Returns the name and value of each column of a changed row. */
  named(change: RowChange): { before: DatabaseRow; after: DatabaseRow }
}

/** Hears what happens in the database. */
export type DatabaseWatch = {
  committed(commit: ObservedCommit): void
  told(channel: string, text: string): void
  /** Returns milliseconds since 1970, by the clock of the database. */
  now(): number
}

/** Returns the tables of a new catalog, as SQL. @param directory an empty folder, in which it writes a catalog */
export async function catalogSchema(directory: string): Promise<string[]> {
  const path = join(directory, 'catalog.sqlite')
  await (await openCatalog(path, 'simulated')).destroy()
  const database = new DatabaseSync(path)
  const rows = database
    .prepare("select sql from sqlite_master where sql is not null and name not like 'sqlite_%'")
    .all()
  database.close()
  return rows.map(({ sql }) => String(sql))
}

/** The tables of a simulated database, and its prepared statements. One run after the other uses them. */
export type DatabaseTables = {
  database: DatabaseSync
  shapes: Map<string, TableShape>
  statements: Map<string, PreparedStatement>
  translations: Map<string, TranslatedStatement>
  clock: Pick<DatabaseWatch, 'now'>
}

type PreparedStatement = { statement: StatementSync; hasRows: boolean }

/** Returns the tables of `schema`. */
export function databaseTables(schema: readonly string[]): DatabaseTables {
  const database = new DatabaseSync(':memory:')
  for (const sql of schema) database.exec(sql)
  const clock = { now: () => 0 }
  database.function(clockFunction, () => clock.now())
  return { database, shapes: shapesOf(database), statements: new Map(), translations: new Map(), clock }
}

/** Returns a database without rows. It takes the tables from those that used them before. */
export function simulatedPostgres(
  { database, shapes, statements, translations, clock }: DatabaseTables,
  watch: DatabaseWatch,
): SimulatedPostgres {
  clock.now = watch.now
  if (database.isTransaction) database.exec('rollback')
  database.exec('pragma foreign_keys = off')
  for (const table of shapes.keys()) database.exec(`delete from "${table}"`)
  database.exec('delete from sqlite_sequence; pragma foreign_keys = on')
  /** The transaction whose changes are in the tables. Those of the others are kept apart, as changesets. */
  let inPlace: { transaction: OpenTransaction; session: Session } | undefined
  /** Last number of each counting key. PostgreSQL gives a number to one transaction only, and never takes it back. */
  const counters = new Map<string, number>()
  const locks = lockTable<OpenTransaction>()

  const prepare = (sql: string) => {
    const known = statements.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    const prepared = { statement, hasRows: statement.columns().length > 0 }
    statements.set(sql, prepared)
    return prepared
  }
  const translate = (sql: string) => {
    const known = translations.get(sql) ?? sqlOfSqlite(sql)
    translations.set(sql, known)
    return known
  }
  const countOn = (table: string) => {
    const last = counters.get(table) ?? 0
    const next = prepare('update sqlite_sequence set seq = ? where name = ?').statement.run(last, table)
    if (next.changes === 0) prepare('insert into sqlite_sequence (seq, name) values (?, ?)').statement.run(last, table)
  }
  const keepCounters = () => {
    for (const { name, seq } of prepare('select name, seq from sqlite_sequence').statement.all())
      counters.set(String(name), Math.max(Number(seq), counters.get(String(name)) ?? 0))
  }
  const runStatement = ({ sql, command }: TranslatedStatement, parameters: readonly unknown[]): DatabaseAnswer => {
    const { statement, hasRows } = prepare(sql)
    const values = parameters.map(inputValue)
    if (hasRows) {
      const rows = statement.all(...values)
      return { command, rowCount: rows.length, rows }
    }
    return { command, rowCount: Number(statement.run(...values).changes), rows: [] }
  }
  /** Returns the locks that changed rows need: on the rows, on the values of unique columns, and on the rows that they name. */
  const locksOf = (changes: readonly RowChange[]): WantedLock[] =>
    changes.flatMap(({ table, kind, key, after }) => {
      const shape = shapes.get(table)
      const row: WantedLock = { name: rowName(table, key), mode: kind === 'update' ? 'noKeyUpdate' : 'update' }
      if (kind === 'delete' || !shape) return [row]
      const unique = shape.unique.map(
        (places): WantedLock => ({
          name: `${table}.${places}:${JSON.stringify(places.map(place => after[place]))}`,
          mode: 'update',
        }),
      )
      const parents = shape.parents.map(
        ({ table: parent, column }): WantedLock => ({
          name: rowName(parent, [after[column]]),
          mode: 'keyShare',
        }),
      )
      return kind === 'insert' ? [row, ...unique, ...parents] : [row]
    })
  /** Takes the changes out of the tables whose transaction is open. */
  const setAside = () => {
    if (!inPlace) return
    const { transaction, session } = inPlace
    inPlace = undefined
    transaction.changes = session.changeset()
    session.close()
    database.exec('rollback')
    locks.take(transaction, locksOf(rowChanges(transaction.changes)))
  }
  /** Puts the changes of a transaction into the tables. */
  const putInPlace = (transaction: OpenTransaction) => {
    if (inPlace?.transaction === transaction) return inPlace.session
    setAside()
    database.exec('begin')
    const session = database.createSession()
    inPlace = { transaction, session }
    if (transaction.changes) apply(database, transaction.changes)
    return session
  }
  const takeLocks = (transaction: OpenTransaction, wanted: readonly WantedLock[]) => {
    if (inPlace?.transaction !== transaction) setAside()
    return locks.take(transaction, wanted)
  }
  const write = (transaction: OpenTransaction, statement: TranslatedStatement, parameters: readonly unknown[]) => {
    const session = putInPlace(transaction)
    const mayBlock = locks.hasOthers(transaction)
    if (mayBlock) database.exec('savepoint statement')
    const table = tableOf(statement.sql)
    if (shapes.get(table)?.counts) countOn(table)
    const answer = runStatement(statement, parameters)
    if (shapes.get(table)?.counts) keepCounters()
    if (!mayBlock) return answer
    const blockedBy = locks.take(transaction, locksOf(rowChanges(session.changeset())))
    if (blockedBy.size > 0) database.exec('rollback to statement')
    database.exec('release statement')
    return blockedBy.size > 0 ? { blockedBy } : answer
  }
  const read = (transaction: OpenTransaction, statement: TranslatedStatement, parameters: readonly unknown[]) => {
    if (transaction.changes) putInPlace(transaction)
    else if (inPlace?.transaction !== transaction) setAside()
    return runStatement(statement, parameters)
  }
  const special = (transaction: OpenTransaction, sql: string, parameters: readonly unknown[]) => {
    const [first, second] = parameters
    if (sql.startsWith('select pg_advisory_xact_lock(')) {
      const blockedBy = takeLocks(transaction, [{ name: `advisory ${first}`, mode: 'update' }])
      return blockedBy.size > 0 ? { blockedBy } : { command: 'SELECT', rowCount: 1, rows: [] }
    }
    if (!sql.startsWith('select pg_notify(')) return undefined
    transaction.notices.push({ channel: String(first), text: String(second) })
    return { command: 'SELECT', rowCount: 1, rows: [] }
  }
  const run = (transaction: OpenTransaction, sql: string, parameters: readonly unknown[]) => {
    const answer = special(transaction, sql, parameters)
    if (answer) return answer
    const statement = translate(sql)
    if (statement.command !== 'SELECT') return write(transaction, statement, parameters)
    const found = read(transaction, statement, parameters)
    if (!statement.rowLock) return found
    const { rowLock: mode } = statement
    const table = tableOf(statement.sql)
    const blockedBy = takeLocks(
      transaction,
      found.rows.map(({ id }) => ({ name: rowName(table, [String(id)]), mode })),
    )
    return blockedBy.size > 0 ? { blockedBy } : found
  }
  const end = (transaction: OpenTransaction) => {
    if (inPlace?.transaction === transaction) {
      inPlace.session.close()
      inPlace = undefined
      database.exec('rollback')
    }
    locks.release(transaction)
    transaction.changes = undefined
    for (const wake of transaction.waiting.splice(0)) wake()
  }

  return {
    begin: context => ({
      context,
      changes: undefined,
      notices: [],
      hasFailed: false,
      waitsFor: new Set(),
      waiting: [],
    }),
    execute(transaction, sql, parameters) {
      if (transaction.hasFailed) throw databaseError('25P02', 'current transaction is aborted')
      try {
        const answer = run(transaction, sql, parameters)
        transaction.waitsFor = 'blockedBy' in answer ? answer.blockedBy : new Set()
        if (isWaitingForItself(transaction)) throw databaseError('40P01', 'deadlock detected')
        return answer
      } catch (error) {
        transaction.hasFailed = true
        throw asDatabaseError(error)
      }
    },
    commit(transaction) {
      if (transaction.hasFailed) {
        end(transaction)
        return false
      }
      if (transaction.changes && inPlace?.transaction !== transaction) putInPlace(transaction)
      if (inPlace?.transaction === transaction) {
        const { session } = inPlace
        inPlace = undefined
        const changes = rowChanges(session.changeset())
        session.close()
        database.exec('commit')
        if (changes.length > 0) watch.committed({ changes, context: transaction.context })
      }
      for (const { channel, text } of transaction.notices) watch.told(channel, text)
      end(transaction)
      return true
    },
    rollback: end,
    look(sql, ...parameters) {
      setAside()
      return prepare(sql).statement.all(...parameters)
    },
    named({ table, before, after }) {
      const columns = shapes.get(table)?.columns ?? []
      const nameAll = (values: readonly unknown[]) =>
        Object.fromEntries(columns.map((name, place) => [name, values[place]]))
      return { before: nameAll(before), after: nameAll(after) }
    },
  }
}

const { SQLITE_CHANGESET_NOTFOUND, SQLITE_CHANGESET_OMIT, SQLITE_CHANGESET_ABORT } = constants

function apply(database: DatabaseSync, changes: Uint8Array): void {
  // Rows that were deleted with their parent are gone by the time of their own deletion.
  const onConflict = (kind: number) =>
    kind === SQLITE_CHANGESET_NOTFOUND ? SQLITE_CHANGESET_OMIT : SQLITE_CHANGESET_ABORT
  if (changes.length > 0 && !database.applyChangeset(changes, { onConflict }))
    throw new Error('a row was changed without its lock')
}

function rowName(table: string, key: readonly unknown[]): string {
  return `${table} ${key.join(' ')}`
}

/** Returns the first table that a statement names. */
function tableOf(sql: string): string {
  return /(?:from|into|update) "(\w+)"/.exec(sql)?.[1] ?? ''
}

function isWaitingForItself(transaction: OpenTransaction): boolean {
  const seen = new Set<OpenTransaction>()
  const reaches = (each: OpenTransaction): boolean => {
    for (const next of each.waitsFor) {
      if (next === transaction) return true
      if (seen.has(next)) continue
      seen.add(next)
      if (reaches(next)) return true
    }
    return false
  }
  return reaches(transaction)
}

function shapesOf(database: DatabaseSync): Map<string, TableShape> {
  const tables = database
    .prepare("select name, sql from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    .all()
  return new Map(
    tables.map(({ name, sql }) => {
      const columns = database
        .prepare('select name from pragma_table_info(?)')
        .all(name ?? null)
        .map(row => String(row.name))
      const indexes = database.prepare('select name from pragma_index_list(?) where "unique"').all(name ?? null)
      const unique = indexes.map(index =>
        database
          .prepare('select cid from pragma_index_info(?)')
          .all(index.name ?? null)
          .map(({ cid }) => Number(cid)),
      )
      const parents = database
        .prepare('select "table", "from" from pragma_foreign_key_list(?)')
        .all(name ?? null)
        .map(row => ({ table: String(row.table), column: columns.indexOf(String(row.from)) }))
      return [String(name), { columns, unique, parents, counts: /autoincrement/i.test(String(sql)) }]
    }),
  )
}

function inputValue(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  throw new TypeError(`the simulated database has no value for a ${typeof value}`)
}

/** Codes of PostgreSQL for SQLite's constraints: https://www.sqlite.org/rescode.html. */
const constraintCodes = new Map([
  [787, '23503'],
  [1555, '23505'],
  [2067, '23505'],
  [275, '23514'],
  [1299, '23502'],
])

function asDatabaseError(error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error)) return error
  const code = constraintCodes.get(Number(error.errcode))
  return code === undefined ? error : databaseError(code, error.message)
}

/** Returns an error as PostgreSQL sends it. */
export function databaseError(code: string, message: string): Error {
  return Object.assign(new pg.DatabaseError(message, message.length, 'error'), { code })
}
