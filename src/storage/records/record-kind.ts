import type { RawBuilder, SqlBool } from 'kysely'
import { digest, expiresAt, labels, timestamp } from '../../../schemas/common.ts'
import type { Catalog } from '../database.ts'
import type { Labels } from '../record-labels.ts'
import { jsonOr, type NamedRecord, validOr } from '../unreadable.ts'
import type { RecordTable } from './record-tables.ts'
import type { RowOrder, SortedRow } from './row-order.ts'

/** Columns that lists can be filtered by. */
export type FilterColumn = 'name' | 'sha256' | 'fingerprint' | 'kind'

/** The columns that the rows of all kinds have. `labels`: a JSON object. */
export type RecordRow = {
  id: string
  name: string | null
  sha256: string
  labels: string
  created_at: string
  expires_at: string | null
}

/** The fields that all readable records have. */
export type ReadableRecord = { id: string; name: string | null; labels: Labels; expiresAt: string | null }

/** The readable fields of a record whose row is damaged on disk, or of a newer version. */
export type UnreadableRecord = {
  id: string
  name: string | null
  labels: Labels
  sha256: string | null
  createdAt: string | null
  expiresAt: string | null
  unreadable: string
}

/** A kind of record, described once. */
export type RecordKind<Row extends RecordRow, Readable extends ReadableRecord> = {
  table: Exclude<RecordTable, 'jobs'>
  /** Name of the kind in sentences. */
  title: string
  /** Advice about an unknown reference, as a sentence. */
  advice: string
  filters: readonly FilterColumn[]
  /** Returns the fields that name a record in errors. */
  place(reference: string): NamedRecord
  /** SQL of the bytes of a record, in a statement that reads the table. */
  bytes: RawBuilder<number>
  /** Reads the rows that meet a condition, in an order, at most `limit`. */
  rows(catalog: Catalog, condition: RawBuilder<SqlBool>, order: RowOrder, limit: number): Promise<(Row & SortedRow)[]>
  /** Returns the record in a row. @throws Error with the reason if the row is damaged; NewerDocument if a newer version wrote it */
  record(row: Row): Readable
}

/** Returns the readable fields of a row. @param reason why the rest cannot be read, and what to do */
export function unreadableRow(row: RecordRow, reason: string): UnreadableRecord {
  return {
    id: String(row.id),
    name: row.name === null ? null : String(row.name),
    labels: jsonOr(labels, row.labels, {}),
    sha256: validOr(digest, row.sha256, null),
    createdAt: validOr(timestamp, row.created_at, null),
    expiresAt: validOr(expiresAt, row.expires_at, null),
    unreadable: reason,
  }
}
