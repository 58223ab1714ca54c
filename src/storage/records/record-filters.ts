import { type RawBuilder, sql } from 'kysely'
import type { RecordOrder } from '../../../schemas/common.ts'
import { hasLabels, type Labels } from '../record-labels.ts'
import { digestIn } from '../references.ts'
import type { FilterColumn, ReadableRecord, RecordKind, RecordRow } from './record-kind.ts'
import { type RowOrder, withoutMinus } from './row-order.ts'

/** Filters of a list. Digests may lack their prefix `sha256:`. */
export type RecordFilters = {
  limit: number
  cursor?: string | undefined
  /** The order of the list. The default is the newest record first. */
  sort?: RecordOrder | undefined
  label: Labels
  /** Times with milliseconds, as the catalog keeps them: the first that counts, and the first that counts no more. */
  createdAfter?: string | undefined
  createdBefore?: string | undefined
  /** Bounds of the bytes of a record, both included. */
  minBytes?: number | undefined
  maxBytes?: number | undefined
} & { [Column in FilterColumn]?: string | undefined }

/** Columns with digests. */
const digestColumns: ReadonlySet<FilterColumn> = new Set(['sha256', 'fingerprint'])

type ListedKind = Pick<RecordKind<RecordRow, ReadableRecord>, 'table' | 'filters' | 'bytes'>

/** Returns the conditions in SQL that records must meet to pass filters. */
export function filterConditions(
  { table, filters, bytes }: ListedKind,
  {
    label,
    createdAfter,
    createdBefore,
    minBytes,
    maxBytes,
    ...values
  }: Omit<RecordFilters, 'limit' | 'cursor' | 'sort'>,
): RawBuilder<unknown>[] {
  const wanted = filters.flatMap(name => {
    const value = values[name]
    if (value === undefined) return []
    return sql`${sql.ref(`${table}.${name}`)} = ${digestColumns.has(name) ? (digestIn(value) ?? value) : value}`
  })
  const created = sql.ref(`${table}.created_at`)
  return [
    hasLabels(label, `${table}.id`),
    ...wanted,
    ...(createdAfter === undefined ? [] : [sql`${created} >= ${createdAfter}`]),
    ...(createdBefore === undefined ? [] : [sql`${created} < ${createdBefore}`]),
    ...(minBytes === undefined ? [] : [sql`${bytes} >= ${minBytes}`]),
    ...(maxBytes === undefined ? [] : [sql`${bytes} <= ${maxBytes}`]),
  ]
}

/** Returns the order of the rows of a kind. A record without a name sorts as one with an empty name. */
export function listOrder({ table, bytes }: ListedKind, sort: RecordOrder): RowOrder {
  const keys = { created: undefined, name: sql<string>`coalesce(${sql.ref(`${table}.name`)}, '')`, bytes }
  const id = sql.ref<string>(`${table}.id`)
  return { id, key: keys[withoutMinus(sort)], direction: sort.startsWith('-') ? 'desc' : 'asc' }
}
