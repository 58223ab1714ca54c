import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'

/** A column of a table. */
export type ColumnShape = { name: string; type: 'text' | 'bigint'; isNullable: boolean }

/** A table of a catalog. `key`: columns of its primary key; `counted`: column that counts up, null if there is none. */
export type TableShape = {
  name: string
  columns: readonly ColumnShape[]
  key: readonly string[]
  counted: string | null
}

const named = z.object({ name: z.string() })
const columnRow = named.extend({ type: z.enum(['TEXT', 'INTEGER']), notnull: z.number(), pk: z.number() })
const reference = z.object({ table: z.string() })

/**
 * Returns the tables of a catalog of SQLite, without those of the migrations. Tables that others refer to come first.
 * @throws ZodError if a column has a type that the catalog has not had so far
 */
export function tableShapes(catalog: DatabaseSync): TableShape[] {
  const rows = catalog.prepare(
    `select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%' order by name`,
  )
  const names = z.array(named).parse(rows.all())
  const ordered: string[] = []
  const add = (table: string) => {
    if (ordered.includes(table)) return
    const references = catalog.prepare('select "table" from pragma_foreign_key_list(?)').all(table)
    for (const { table: parent } of z.array(reference).parse(references)) if (parent !== table) add(parent)
    ordered.push(table)
  }
  for (const { name } of names) add(name)
  return ordered.map(table => shapeOf(catalog, table))
}

function shapeOf(catalog: DatabaseSync, table: string): TableShape {
  const rows = z
    .array(columnRow)
    .parse(catalog.prepare('select name, upper(type) as type, "notnull", pk from pragma_table_info(?)').all(table))
  const key = rows.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk)
  const [first, ...more] = key
  return {
    name: table,
    columns: rows.map(({ name, type, notnull, pk }) => ({
      name,
      type: type === 'TEXT' ? 'text' : 'bigint',
      isNullable: notnull === 0 && pk === 0,
    })),
    key: key.map(({ name }) => name),
    counted: first?.type === 'INTEGER' && more.length === 0 ? first.name : null,
  }
}

/** Returns the greatest number that a counting column has ever had; 0 if it had none. */
export function lastNumber(catalog: DatabaseSync, { name, counted }: TableShape): number {
  if (counted === null) return 0
  const row = catalog
    .prepare(`select max(coalesce((select seq from sqlite_sequence where name = ?), 0),
      coalesce((select max("${counted}") from "${name}"), 0)) as number`)
    .get(name)
  return Number(row?.['number'])
}
