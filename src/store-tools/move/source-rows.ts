import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { z } from 'zod'
import type { StoreFinding } from '../catalog-findings.ts'
import type { TextRow } from './row-digest.ts'
import type { TableShape } from './table-shapes.ts'
import { valueInPostgres } from './values-in-postgres.ts'

const orphanRow = z.object({ rowid: z.coerce.bigint(), parent: z.string() })
const rowNumber = 'row number'

/**
 * Yields the rows of a table as PostgreSQL can keep them, without holding more than one in memory.
 * @param onFinding hears of each value that has to change, and of each row that cannot be kept
 */
export function* sourceRows(
  catalog: DatabaseSync,
  table: TableShape,
  onFinding: (finding: StoreFinding) => void,
): Generator<TextRow> {
  const orphans = orphansOf(catalog, table)
  const statement = catalog.prepare(`select rowid as "${rowNumber}", * from "${table.name}"`)
  statement.setReadBigInts(true)
  for (const row of statement.iterate()) {
    const number = BigInt(String(row[rowNumber]))
    const place = `the row ${placeOf(table, row)} of ${table.name}`
    const parent = orphans.get(number)
    if (parent !== undefined) {
      onFinding({ place, message: `is left out: it belongs to a row of ${parent} that is not there` })
      continue
    }
    yield table.columns.map(column => {
      const bytesOf = () => storedBytes(catalog, table.name, column.name, number)
      const { value, change } = valueInPostgres(column, row[column.name] ?? null, bytesOf)
      if (change !== null) onFinding({ place, message: `was damaged or cannot be kept: ${column.name} ${change}` })
      return value
    })
  }
}

/** Returns the numbers of the rows that refer to a row which is not there, with the other table. PostgreSQL refuses them. */
function orphansOf(catalog: DatabaseSync, { name }: TableShape): Map<bigint, string> {
  const rows = catalog.prepare('select rowid, parent from pragma_foreign_key_check(?)').all(name)
  return new Map(
    z
      .array(orphanRow)
      .parse(rows)
      .map(({ rowid, parent }) => [rowid, parent]),
  )
}

function placeOf({ key }: TableShape, row: Record<string, SQLOutputValue>): string {
  return key.map(name => String(row[name])).join(' ')
}

function storedBytes(catalog: DatabaseSync, table: string, column: string, number: bigint): Uint8Array {
  const row = catalog.prepare(`select cast("${column}" as blob) as bytes from "${table}" where rowid = ?`).get(number)
  const bytes = row?.['bytes']
  return bytes instanceof Uint8Array ? bytes : new Uint8Array()
}
