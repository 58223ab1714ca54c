import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { type DatasetRecord, dataset } from '../../schemas/dataset.ts'
import type { DatasetDescription } from '../evaluate/datasets/dataset.ts'
import { jsonList } from '../storage/catalog-sql.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { type DocumentKind, openDocument, writeDocument } from '../storage/documents/stored-document.ts'
import { newRecordId } from '../storage/record-ids.ts'
import { insertLabels, type Labels, labelsColumn } from '../storage/record-labels.ts'
import { createRecords } from '../storage/records/record-repository.ts'
import { orderClause, sortKey } from '../storage/records/row-order.ts'

// Rows of the catalog for data sets. All functions take the catalog, or a transaction of it.

export type DatasetContent = { name: string; sha256: string; bytes: number }

export type NewDataset = {
  sha256: string
  files: readonly DatasetContent[]
  description: DatasetDescription
  name: string | null
  labels: Labels
  /** Time of expiry as RFC 3339; null: never. */
  expiresAt: string | null
}

/** Returns the digest of a data set: that of its only file, or of the list of its files in the order of the samples. */
export function datasetDigest(files: readonly DatasetContent[]): string {
  const [only] = files
  if (only && files.length === 1) return only.sha256
  const list = JSON.stringify(files.map(({ name, bytes, sha256 }) => [name, bytes, sha256]))
  return `sha256:${createHash('sha256').update(list).digest('hex')}`
}

export async function insertDataset(
  catalog: Catalog,
  { sha256, files, description, name, labels, expiresAt }: NewDataset,
): Promise<string> {
  const id = newRecordId()
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const row = {
    id,
    name,
    sha256,
    bytes,
    description: writeDocument(descriptionDocument, description),
    created_at: new Date().toISOString(),
    expires_at: expiresAt,
  }
  await catalog.insertInto('datasets').values(row).execute()
  for (const [position, file] of files.entries())
    await catalog
      .insertInto('dataset_files')
      .values({ ...file, dataset_id: id, position })
      .execute()
  await insertLabels(catalog, id, labels)
  return id
}

/** The description that the catalog keeps of a data set. */
const descriptionDocument: DocumentKind = { name: 'description', upgrades: [] }

/** Column with the files as a JSON list, in the order of the upload. */
const filesColumn = (catalog: Catalog) =>
  jsonList(
    catalog,
    { table: 'dataset_files', owner: 'dataset_id', is: 'datasets.id', by: 'position' },
    { name: 'text', bytes: 'integer', sha256: 'text' },
  )

type DatasetRow = Tables['datasets'] & { labels: string; files: string }

/** Reads the files of a row. @throws Error if the digest of the row is not theirs, which means damage */
function filesOf({ files, sha256 }: DatasetRow): DatasetContent[] {
  const stored: DatasetContent[] = JSON.parse(files)
  if (datasetDigest(stored) !== sha256) throw new Error('its sha256 is not the digest of its files')
  return stored
}

/** The stored data sets. */
export const datasetRecords = createRecords<DatasetRow, DatasetRecord>({
  table: 'datasets',
  title: 'data set',
  advice: 'Upload it first, or list the data sets with GET /v1/datasets.',
  filters: ['name', 'sha256'],
  place: reference => ({ dataset: reference }),
  bytes: sql<number>`datasets.bytes`,
  rows: (catalog, condition, order, limit) =>
    catalog
      .selectFrom('datasets')
      .selectAll('datasets')
      .select([
        labelsColumn(catalog, 'datasets.id').as('labels'),
        filesColumn(catalog).as('files'),
        sortKey(order).as('sort_key'),
      ])
      .where(condition)
      .orderBy(orderClause(order))
      .limit(limit)
      .execute(),
  record: row =>
    dataset.parse({
      ...openDocument(descriptionDocument, row.description),
      id: row.id,
      name: row.name,
      labels: JSON.parse(row.labels),
      sha256: row.sha256,
      bytes: row.bytes,
      files: filesOf(row),
      createdAt: row.created_at,
      expiresAt: row.expires_at,
    }),
})
