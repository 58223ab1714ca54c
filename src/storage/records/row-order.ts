import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { RecordOrder } from '../../../schemas/common.ts'

/** The order of the rows of a list. `key`: SQL of the value that sorts them; without one, rows come in the order of their ids. */
export type RowOrder = {
  id: RawBuilder<string>
  key: RawBuilder<string | number> | undefined
  direction: 'asc' | 'desc'
}

/** The columns of a row that give its place in an order. */
export type SortedRow = { id: string; sort_key: string | number | null }

/** Returns an order in SQL, for `order by`. Rows with equal keys come in the order of their ids. */
export function orderClause({ id, key, direction }: RowOrder): RawBuilder<unknown> {
  const columns = key === undefined ? [id] : [key, id]
  return sql.join(columns.map(column => sql`${column} ${sql.raw(direction)}`))
}

/** Returns the column `sort_key` of a statement that reads rows in an order. */
export function sortKey({ key }: RowOrder): RawBuilder<string | number | null> {
  return key ?? sql<null>`null`
}

/** Returns the condition that a row comes after another one. The first comparison alone lets SQLite seek in an index of expressions. */
export function comesAfter({ id, key, direction }: RowOrder, { id: last, sort_key }: SortedRow): RawBuilder<SqlBool> {
  const [beyond, from] = direction === 'asc' ? [sql`>`, sql`>=`] : [sql`<`, sql`<=`]
  if (key === undefined) return sql`${id} ${beyond} ${last}`
  return sql`${key} ${from} ${sort_key} and (${key}, ${id}) ${beyond} (${sort_key}, ${last})`
}

/** Returns the text from which the cursor after a row is made. It names the order, unless that is the one of all lists. */
export function placeText(order: RecordOrder, { id, sort_key }: SortedRow): string {
  if (order === '-created') return id
  return `${order} ${id}${sort_key === null ? '' : ` ${sort_key}`}`
}

/** The form of these texts, for each order. PostgreSQL takes no U+0000. */
export function placeForm(order: RecordOrder): RegExp {
  if (order === '-created') return /^[0-9a-f-]{36}$/
  const key = { name: ' [^\0]*', bytes: ' \\d{1,16}', created: '' }[withoutMinus(order)]
  return new RegExp(`^${order} [0-9a-f-]{36}${key}$`, 's')
}

/** Reads such a text. */
export function placeIn(order: RecordOrder, text: string): SortedRow {
  if (order === '-created') return { id: text, sort_key: null }
  const from = order.length + 1
  const id = text.slice(from, from + 36)
  const key = text.slice(from + 37)
  if (withoutMinus(order) === 'created') return { id, sort_key: null }
  return { id, sort_key: withoutMinus(order) === 'bytes' ? Number(key) : key }
}

/** Returns what an order compares. */
export function withoutMinus(order: RecordOrder): 'created' | 'name' | 'bytes' {
  const compared = { '-created': 'created', '-name': 'name', '-bytes': 'bytes' } as const
  return order === 'created' || order === 'name' || order === 'bytes' ? order : compared[order]
}
