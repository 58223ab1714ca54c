import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'

export type Row = Record<string, SQLOutputValue>

/** Between the rows that scans reach from both ends, so many numbers are tried, which takes some seconds. */
const triedMost = 1_000_000

/**
 * The rows of a table that can be read, whatever is damaged around them; none if the table cannot be found. A scan ends at the first
 * damaged page: so there is one from each end, and the rows in between are asked for by their numbers. Indexes are not used.
 */
export function* readableRows(database: DatabaseSync, table: string): Generator<Row> {
  const select = (rest: string) =>
    unlessDamaged(() => database.prepare(`select rowid as "row number", * from "${table}" not indexed ${rest}`))
  const [upwards, downwards, one] = [
    select('where rowid > 0 order by rowid'),
    select('where rowid > ? order by rowid desc'),
    select('where rowid = ?'),
  ]
  if (!upwards || !downwards || !one) return
  let low = 0
  for (const row of scan(upwards)) {
    low = numberOf(row)
    yield row
  }
  let high = low + 1
  for (const row of scan(downwards, low)) {
    high = numberOf(row)
    yield row
  }
  for (let number = low + 1; number < high && number - low <= triedMost; number += 1) {
    const row = unlessDamaged(() => one.get(number))
    if (row) yield row
  }
}

function numberOf(row: Row): number {
  return Number(row['row number'])
}

function* scan(statement: StatementSync, ...parameters: number[]): Generator<Row> {
  const rows = statement.iterate(...parameters)
  for (let next = unlessDamaged(() => rows.next()); next && !next.done; next = unlessDamaged(() => rows.next()))
    yield next.value
}

/** Results of SQLite that say that the file is damaged, or not a database (https://www.sqlite.org/rescode.html). */
const damageCodes: ReadonlySet<number> = new Set([1, 11, 26])

/** @throws Error of SQLite about anything else, such as a disk that fails */
function unlessDamaged<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
    if (code !== undefined && damageCodes.has(code)) return undefined
    throw error
  }
}
