import { type Selectable, sql } from 'kysely'
import { type ExportSummary, exportSummary } from '../../schemas/export.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { type DocumentKind, openDocument, writeDocument } from '../storage/documents/stored-document.ts'
import { newRecordId } from '../storage/record-ids.ts'
import { insertLabels, type Labels, labelsColumn } from '../storage/record-labels.ts'
import { createRecords } from '../storage/records/record-repository.ts'
import { orderClause, sortKey } from '../storage/records/row-order.ts'
import { exportDigest } from '../threads/correspondence-document.ts'

// Rows of the catalog for exports. All functions take the catalog, or a transaction of it.

/** The description that the catalog keeps of an export: what lists show of it. */
export type ExportDescription = Pick<ExportSummary, 'model' | 'checkpoint' | 'prefix' | 'counts' | 'warnings'>

/** The values of a new export. `correspondence`: its text, as `writeCorrespondence` makes it. */
export type NewExport = {
  description: ExportDescription
  correspondence: string
  name: string | null
  labels: Labels
  /** Time of expiry as RFC 3339; null: never. */
  expiresAt: string | null
}

const descriptionDocument: DocumentKind = { name: 'description', upgrades: [] }

/** Inserts a record with its labels. @returns its id */
export async function insertExport(
  catalog: Catalog,
  { description, correspondence, name, labels, expiresAt }: NewExport,
): Promise<string> {
  const id = newRecordId()
  const row = {
    id,
    name,
    sha256: exportDigest(description, correspondence),
    model_id: description.model.id,
    checkpoint_id: description.checkpoint.id,
    description: writeDocument(descriptionDocument, description),
    created_at: new Date().toISOString(),
    expires_at: expiresAt,
    correspondence,
  }
  await catalog.insertInto('exports').values(row).execute()
  await insertLabels(catalog, id, labels)
  return id
}

type ExportRow = Omit<Selectable<Tables['exports']>, 'correspondence'> & { labels: string }

/** The stored exports, without their correspondences. */
export const exportRecords = createRecords<ExportRow, ExportSummary>({
  table: 'exports',
  title: 'export',
  advice: 'Make it first with POST /v1/exports, or list the exports with GET /v1/exports.',
  filters: ['name', 'sha256'],
  place: reference => ({ export: reference }),
  bytes: sql<number>`length(exports.correspondence)`,
  rows: (catalog, condition, order, limit) =>
    catalog
      .selectFrom('exports')
      .select(['id', 'name', 'sha256', 'model_id', 'checkpoint_id', 'description', 'created_at', 'expires_at'])
      .select([labelsColumn(catalog, 'exports.id').as('labels'), sortKey(order).as('sort_key')])
      .where(condition)
      .orderBy(orderClause(order))
      .limit(limit)
      .execute(),
  record: row =>
    exportSummary.parse({
      ...openDocument(descriptionDocument, row.description),
      id: row.id,
      name: row.name,
      labels: JSON.parse(row.labels),
      sha256: row.sha256,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
    }),
})
