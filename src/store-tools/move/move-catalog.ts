import type { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { type Catalog, makeTables } from '../../storage/database.ts'
import { databaseTables, inLoneTransaction } from '../../storage/postgres/tool-transactions.ts'
import { type RecordedFile, recordedFiles, referencesIn } from '../recorded-files.ts'
import { continueAfter, insertRows, storedRows, summaryOf } from './copy-rows.ts'
import type { MoveReport } from './move-report.ts'
import { sourceRows } from './source-rows.ts'
import { lastNumber, type TableShape, tableShapes } from './table-shapes.ts'

/** Rows between two lines that tell of them. */
const rowsTold = 100_000

/**
 * Copies all rows of a catalog of SQLite into an empty database, in one transaction: after a crash, the database is empty, or has all of them.
 * It compares the number of rows and their digest on both sides before the commit. If the database has the rows of an earlier run, it only
 * compares them.
 *
 * @param id the id of the store in the catalog
 * @throws Error if the database has other tables, another store, or other rows
 */
export async function moveCatalog(source: DatabaseSync, id: string, url: string, report: MoveReport): Promise<void> {
  const shapes = tableShapes(source)
  await inLoneTransaction(url, async transaction => {
    if (await requireTarget(transaction, id, url)) await compareRows(transaction, source, shapes, url, report)
    else await copyRows(transaction, source, shapes, report)
  })
}

/** Checks a database before a move. @throws Error if it cannot take the catalog of the store */
export async function checkDatabase(id: string, url: string): Promise<void> {
  await inLoneTransaction(url, transaction => requireTarget(transaction, id, url))
}

/** Returns the files of the records of a catalog that is in the database already. @throws Error if it is of another store */
export function filesInDatabase(
  id: string,
  url: string,
  { onFinding }: MoveReport,
): Promise<Map<string, RecordedFile>> {
  return inLoneTransaction(url, async transaction => {
    if (await requireTarget(transaction, id, url)) return recordedFiles(referencesIn(transaction), onFinding)
    throw new Error(
      `The database ${nameOf(url)} (TUREEN_DATABASE_URL) is empty, and does not have the catalog of the store ${id}.`,
    )
  })
}

/** Reads the catalog and the database without changing either, and tells what a move would do. */
export async function tryCatalog(source: DatabaseSync, id: string, url: string, report: MoveReport): Promise<void> {
  const hasRows = await inLoneTransaction(url, transaction => requireTarget(transaction, id, url))
  for (const shape of tableShapes(source)) {
    const { rows } = summaryOf(sourceRows(source, shape, report.onFinding))
    report.say(`${count(rows)} rows of ${shape.name} ${hasRows ? 'would be compared' : 'would be copied'}`)
  }
}

/** Returns true if the database has the rows of an earlier run; false if it is empty. */
async function requireTarget(transaction: Catalog, id: string, url: string): Promise<boolean> {
  const { names, store } = await databaseTables(transaction)
  if (store === id) return true
  if (names.length === 0) return false
  const holds = store === null ? `tables of another program, such as ${names[0]}` : `the store ${store}`
  throw new Error(
    `The database ${nameOf(url)} (TUREEN_DATABASE_URL) holds ${holds}, and the data directory the store ${id}. Nothing was copied. Name an empty database.`,
  )
}

async function copyRows(
  transaction: Catalog,
  source: DatabaseSync,
  shapes: readonly TableShape[],
  { say, onFinding }: MoveReport,
): Promise<void> {
  await makeTables(transaction)
  // Migrations may make rows, which the catalog has in its own way.
  for (const { name } of shapes.toReversed()) await sql`delete from ${sql.table(name)}`.execute(transaction)
  for (const shape of shapes) {
    let told = 0
    const copied = await insertRows(transaction, shape, sourceRows(source, shape, onFinding), rows => {
      if (rows - told < rowsTold) return
      told = rows
      say(`${count(rows)} rows of ${shape.name} are copied so far`)
    })
    const stored = await storedRows(transaction, shape, copied.longest)
    if (stored.rows !== copied.rows || stored.digest !== copied.digest)
      throw new Error(
        `The database returned other rows of ${shape.name} than it got: ${count(stored.rows)} instead of ${count(copied.rows)}, or other values. Nothing was kept. Look after the database.`,
      )
    await continueAfter(transaction, shape, lastNumber(source, shape))
    await sql`analyze ${sql.table(shape.name)}`.execute(transaction)
    say(`${count(copied.rows)} rows of ${shape.name} are copied and compared (digest ${copied.digest.slice(0, 16)})`)
  }
}

async function compareRows(
  transaction: Catalog,
  source: DatabaseSync,
  shapes: readonly TableShape[],
  url: string,
  { say, onFinding }: MoveReport,
): Promise<void> {
  for (const shape of shapes) {
    const found = summaryOf(sourceRows(source, shape, onFinding))
    const stored = await storedRows(transaction, shape, found.longest)
    if (stored.rows !== found.rows || stored.digest !== found.digest)
      throw new Error(
        `The database ${nameOf(url)} holds this store already, with other rows of ${shape.name} (${count(stored.rows)}) than catalog.sqlite (${count(found.rows)}): a server has changed one of them since the last run. Keep the one that you need. To copy catalog.sqlite again, name an empty database.`,
      )
    say(`${count(found.rows)} rows of ${shape.name} are there already, and equal (digest ${found.digest.slice(0, 16)})`)
  }
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1)
}

function count(rows: number): string {
  return rows.toLocaleString('en')
}
