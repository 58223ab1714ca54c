import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { RecordChange } from '../../../schemas/common.ts'
import { TureenError } from '../../errors.ts'
import type { Catalog } from '../database.ts'
import { extendLife } from '../expiry.ts'
import { refuseWhileInUse } from '../job-inputs.ts'
import { decodePlace, type Page, type PageSource, readPage } from '../paging.ts'
import { hasLabels, type Labels } from '../record-labels.ts'
import { columnOf } from '../references.ts'
import { holdRow, lockName, lockRow } from '../row-locks.ts'
import { readOr, unreadableRecord } from '../unreadable.ts'
import { changedFields, writeChange } from './record-change.ts'
import { filterConditions, listOrder, type RecordFilters } from './record-filters.ts'
import {
  type FilterColumn,
  type ReadableRecord,
  type RecordKind,
  type RecordRow,
  type UnreadableRecord,
  unreadableRow,
} from './record-kind.ts'
import { deleteRecord, type RecordTable } from './record-tables.ts'
import { comesAfter, orderClause, placeForm, placeIn, placeText, type RowOrder, type SortedRow } from './row-order.ts'

/** The content of a record and the client's values for it: a second upload with equal ones makes no second record. */
export type RecordIdentity = { sha256: string; name: string | null; labels: Labels }

/** The records of one kind. All functions take the catalog, or a transaction of it. */
export type Records<Readable extends ReadableRecord> = {
  /**
   * Returns the newest record that a reference names, by id or digest, even if it is damaged.
   * @param field the field of the request with the reference
   * @throws TureenError `TUREEN_NOT_FOUND`
   */
  find(catalog: Catalog, reference: string, field?: string): Promise<Readable | UnreadableRecord>
  /** Returns a record as {@link Records.find} does. @throws TureenError as there, and `TUREEN_RECORD_UNREADABLE` */
  usable(catalog: Catalog, reference: string, field?: string): Promise<Readable>
  /** Returns the refusal of a reference that names no record. @param field as above */
  unknown(reference: string, field?: string): TureenError
  /** Returns a page of records in the order of `sort`. @throws TureenError `TUREEN_REQUEST_INVALID` if the cursor is not of this list */
  list(catalog: Catalog, filters: RecordFilters): Promise<Page<Readable | UnreadableRecord>>
  /** Yields all records that pass the filters, in the order of `sort`. It reads them page by page. */
  each(catalog: Catalog, filters: Omit<RecordFilters, 'limit' | 'cursor'>): AsyncGenerator<Readable | UnreadableRecord>
  /** Returns the ids of the records that have all of the labels, oldest first, at most `limit`. */
  labelled(catalog: Catalog, labels: Labels, limit: number): Promise<string[]>
  /**
   * Returns the newest readable record with an identity, and extends its life to `expiresAt`. If there is none, returns the record that
   * `insert` makes.
   * @param insert inserts the record in the same transaction, and returns its id
   */
  addOnce(
    transaction: Catalog,
    identity: RecordIdentity & { expiresAt: string | null },
    insert: () => Promise<string>,
  ): Promise<{ record: Readable; created: boolean }>
  /**
   * Changes the name and labels of the record that a reference names.
   * @param allow called with the record just before its change; it may throw to prevent that
   * @returns the changed record
   * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE`; `TUREEN_REQUEST_INVALID` for too many labels
   */
  change(
    transaction: Catalog,
    reference: string,
    change: RecordChange,
    allow: (record: Readable) => void,
  ): Promise<Readable>
  /**
   * Deletes the record that a reference names.
   * @param allow called with the record just before its deletion; it may throw to prevent that
   * @returns the digests of its content
   * @throws TureenError `TUREEN_NOT_FOUND`; `TUREEN_IN_USE` while a job that has not ended needs it
   */
  remove(
    transaction: Catalog,
    reference: string,
    allow: (record: Readable | UnreadableRecord) => void,
  ): Promise<string[]>
}

/** Most records with one identity that are read to find a readable one. */
const samesRead = 100

/** Most records of one page where all are read. */
const eachPage = 500

/** Returns the records of a kind. */
export function createRecords<Row extends RecordRow, Readable extends ReadableRecord>(
  kind: RecordKind<Row, Readable>,
): Records<Readable> {
  const { table, title, place } = kind
  const column = (name: 'id' | 'created_at' | FilterColumn) => sql.ref<string>(`${table}.${name}`)
  const newestFirst: RowOrder = { id: column('id'), key: undefined, direction: 'desc' }

  const read = (row: Row): { record: Readable } | { rest: UnreadableRecord } =>
    readOr<{ record: Readable }, { rest: UnreadableRecord }>(
      () => ({ record: kind.record(row) }),
      reason => ({ rest: unreadableRow(row, reason) }),
    )
  const itemOf = (row: Row): Readable | UnreadableRecord => {
    const found = read(row)
    return 'record' in found ? found.record : found.rest
  }
  const unknown: Records<Readable>['unknown'] = (reference, field) => {
    const message = `there is no ${title} ${reference}`
    return new TureenError('TUREEN_NOT_FOUND', `In this store ${message}. ${kind.advice}`, [
      { ...place(reference), ...(field === undefined ? {} : { field }), message },
    ])
  }
  const newest = async (catalog: Catalog, reference: string, field?: string): Promise<Row> => {
    const [row] = await kind.rows(catalog, sql`${column('id')} = ${newestId(table, reference)}`, newestFirst, 1)
    if (row) return row
    throw unknown(reference, field)
  }
  const usable: Records<Readable>['usable'] = async (catalog, reference, field) => {
    const found = read(await newest(catalog, reference, field))
    if ('record' in found) return found.record
    throw unreadableRecord(place(reference), found.rest.unreadable)
  }

  /** Returns the newest readable record with the identity; undefined if there is none. */
  const same = async (transaction: Catalog, { sha256, name, labels }: RecordIdentity) => {
    const isSame = sql<SqlBool>`${column('sha256')} = ${sha256} and ${hasLabels(labels, `${table}.id`)}
      and ${name === null ? sql`${column('name')} is null` : sql`${column('name')} = ${name}`}
      and (select count(*) from labels where owner_id = ${column('id')}) = ${Object.keys(labels).length}`
    const rows = await kind.rows(transaction, isSame, newestFirst, samesRead)
    return rows.map(read).find(found => 'record' in found)?.record
  }

  const list: Records<Readable>['list'] = async (catalog, { limit, cursor, sort = '-created', ...filters }) => {
    const order = listOrder(kind, sort)
    const conditions = filterConditions(kind, filters)
    const rows = (after: string | undefined, count: number) => {
      const beyond = after === undefined ? [] : [comesAfter(order, placeIn(sort, after))]
      const all = sql.join([...conditions, ...beyond], sql` and `)
      // Whole rows are large. Their ids come from indexes first, so that no row is read only to be sorted or left out.
      const ids = sql`select ${column('id')} from ${sql.table(table)} where ${all} order by ${orderClause(order)} limit ${count}`
      return kind.rows(catalog, sql`${column('id')} in (${ids})`, order, count)
    }
    const keyOf = (row: SortedRow) => placeText(sort, row)
    const source: PageSource<Row & SortedRow, Readable | UnreadableRecord> = { read: rows, keyOf, toItem: itemOf }
    return readPage(source, limit, decodePlace(cursor, placeForm(sort)))
  }

  return {
    unknown,
    usable,
    find: async (catalog, reference, field) => itemOf(await newest(catalog, reference, field)),
    list,
    async *each(catalog, filters) {
      let cursor: string | undefined
      do {
        const page: Page<Readable | UnreadableRecord> = await list(catalog, { ...filters, limit: eachPage, cursor })
        yield* page.items
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined)
    },
    async labelled(catalog, labels, limit) {
      const { rows } = await sql<{ id: string }>`select id from ${sql.table(table)}
        where ${hasLabels(labels, `${table}.id`)} order by id limit ${limit}`.execute(catalog)
      return rows.map(({ id }) => id)
    },
    async addOnce(transaction, identity, insert) {
      await lockName(transaction, identity.sha256)
      const found = await same(transaction, identity)
      const known = found && (await holdRow(transaction, table, found.id)) ? found : undefined
      if (known) await extendLife(transaction, table, known, identity.expiresAt)
      const id = known?.id ?? (await insert())
      return { record: await usable(transaction, id), created: !known }
    },
    async change(transaction, reference, change, allow) {
      const { id, sha256 } = await newest(transaction, reference)
      // An upload of the same content would else be answered with this record, under a name that it no longer has.
      await lockName(transaction, sha256)
      await lockRow(transaction, table, id)
      const before = await usable(transaction, id)
      allow(before)
      await writeChange(transaction, table, id, before, changedFields(before, change))
      return usable(transaction, id)
    },
    async remove(transaction, reference, allow) {
      const { id } = await newest(transaction, reference)
      await lockRow(transaction, table, id)
      // Before the lock, another transaction may have deleted the record, or extended its life.
      const [row] = await kind.rows(transaction, sql`${column('id')} = ${id}`, newestFirst, 1)
      if (!row) throw unknown(reference)
      const item = itemOf(row)
      allow(item)
      await refuseWhileInUse(transaction, item.id, `The ${title} ${reference}`, place(reference))
      return deleteRecord(transaction, table, item.id)
    },
  }
}

/** Returns the SQL of the id that a reference names, by id or digest: of the newest record. */
export function newestId(table: Exclude<RecordTable, 'jobs'>, reference: string): RawBuilder<string> {
  const { column, value } = columnOf(reference)
  return sql<string>`(select id from ${sql.table(table)} where ${sql.ref(column)} = ${value} order by id desc limit 1)`
}
