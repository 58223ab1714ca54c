import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'

export type Row = Record<string, SQLOutputValue>

/** Most row numbers to try between the rows that the scans reach. They take some seconds. */
const triedMost = 1_000_000

/**
 * Yields the readable rows of a damaged table; none if the table cannot be found. A scan ends at the first damaged page. So it scans from both
 * ends, and then tries the row numbers in between. It does not use indexes.
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

/** Error codes of SQLite for a damaged file, or a file that is no database (https://www.sqlite.org/rescode.html). */
const damageCodes: ReadonlySet<number> = new Set([1, 11, 26])

/** Returns undefined if SQLite reports damage. @throws Error of SQLite for other reasons, such as a failing disk */
function unlessDamaged<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
    if (code !== undefined && damageCodes.has(code)) return undefined
    throw error
  }
}
