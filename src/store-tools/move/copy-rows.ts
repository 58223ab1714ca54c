import { sql } from 'kysely'
import type { Catalog } from '../../storage/database.ts'
import { charactersOf, createRowsDigest, type RowsSummary, type TextRow } from './row-digest.ts'
import type { TableShape } from './table-shapes.ts'

/** Most rows, and about the most characters, of one statement. */
const [rowsAtOnce, charactersAtOnce] = [1000, 4 << 20]

/**
 * Inserts rows into a table, and holds one batch of them in memory.
 * @param onRows called with the number of rows so far, after each batch
 */
export async function insertRows(
  transaction: Catalog,
  table: TableShape,
  rows: Iterable<TextRow>,
  onRows: (rows: number) => void,
): Promise<RowsSummary> {
  const digest = createRowsDigest()
  let batch: TextRow[] = []
  let characters = 0
  for (const row of rows) {
    digest.add(row)
    batch.push(row)
    characters += charactersOf(row)
    if (batch.length < rowsAtOnce && characters < charactersAtOnce) continue
    await insertBatch(transaction, table, batch)
    onRows(digest.summary().rows)
    batch = []
    characters = 0
  }
  if (batch.length > 0) await insertBatch(transaction, table, batch)
  return digest.summary()
}

async function insertBatch(transaction: Catalog, { name, columns }: TableShape, batch: TextRow[]): Promise<void> {
  const values = columns.map(
    ({ type }, index) => sql`${sql.val(batch.map(row => row[index] ?? null))}::${sql.raw(type)}[]`,
  )
  const names = sql.join(columns.map(column => sql.ref(column.name)))
  await sql`insert into ${sql.table(name)} (${names}) select * from unnest(${sql.join(values)})`.execute(transaction)
}

/** Summarises rows without keeping them. */
export function summaryOf(rows: Iterable<TextRow>): RowsSummary {
  const digest = createRowsDigest()
  for (const row of rows) digest.add(row)
  return digest.summary()
}

/** Reads all rows of a table, and summarises them. @param longest characters of the longest row, to hold only some rows in memory */
export async function storedRows(
  transaction: Catalog,
  { name, columns }: TableShape,
  longest: number,
): Promise<RowsSummary> {
  const digest = createRowsDigest()
  const atOnce = Math.max(1, Math.min(rowsAtOnce, Math.floor(charactersAtOnce / Math.max(1, longest))))
  const texts = sql.join(columns.map(column => sql`${sql.ref(column.name)}::text as ${sql.ref(column.name)}`))
  await sql`declare stored_rows no scroll cursor for select ${texts} from ${sql.table(name)}`.execute(transaction)
  for (;;) {
    const page = sql<Record<string, string | null>>`fetch ${sql.lit(atOnce)} from stored_rows`
    const { rows } = await page.execute(transaction)
    if (rows.length === 0) break
    for (const row of rows) digest.add(columns.map(column => row[column.name] ?? null))
  }
  await sql`close stored_rows`.execute(transaction)
  return digest.summary()
}

/** Makes a column that counts up continue after a number. */
export async function continueAfter(
  transaction: Catalog,
  { name, counted }: TableShape,
  number: number,
): Promise<void> {
  if (counted === null || number === 0) return
  await sql`select setval(pg_get_serial_sequence(${name}, ${counted}), ${number})`.execute(transaction)
}
