import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { digest, expiresAt, labels, timestamp } from '../../schemas/common.ts'
import { type DatasetItem, type DatasetRecord, dataset } from '../../schemas/dataset.ts'
import type { DatasetDescription } from '../evaluate/datasets/dataset.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { freeKeysOf } from '../storage/idempotency-keys.ts'
import { decodeCursor, type Page, readPage } from '../storage/paging.ts'
import { newRecordId } from '../storage/record-ids.ts'
import { hasLabels, insertLabels, type Labels, labelsColumn } from '../storage/record-labels.ts'
import { columnOf, digestIn } from '../storage/references.ts'
import { column, isReadable, jsonOr, readOr, validOr } from '../storage/unreadable.ts'

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

export type DatasetFilters = {
  limit: number
  cursor?: string | undefined
  name?: string | undefined
  label: Labels
  sha256?: string | undefined
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
    description: JSON.stringify(description),
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

export async function resolveDataset(catalog: Catalog, reference: string): Promise<DatasetItem | undefined> {
  const { column, value } = columnOf(reference)
  const row = await selectDatasets(catalog).where(column, '=', value).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row && toItem(row)
}

/** Returns the newest record with the same content, name and labels; undefined if there is none. */
export async function sameDataset(
  catalog: Catalog,
  { sha256, name, labels }: NewDataset,
): Promise<DatasetRecord | undefined> {
  const rows = await selectDatasets(catalog)
    .where('sha256', '=', sha256)
    .where('name', name === null ? 'is' : '=', name)
    .where(hasLabels(labels, 'datasets.id'))
    .orderBy('id', 'desc')
    .execute()
  return rows
    .map(toItem)
    .filter(isReadable)
    .find(record => Object.keys(record.labels).length === Object.keys(labels).length)
}

export async function listDatasets(
  catalog: Catalog,
  { limit, cursor, name, label, sha256 }: DatasetFilters,
): Promise<Page<DatasetItem>> {
  let query = selectDatasets(catalog).where(hasLabels(label, 'datasets.id')).orderBy('id', 'desc')
  if (name !== undefined) query = query.where('name', '=', name)
  if (sha256 !== undefined) query = query.where('sha256', '=', digestIn(sha256) ?? sha256)
  const read = (after: string | undefined, count: number) =>
    (after === undefined ? query : query.where('id', '<', after)).limit(count).execute()
  return readPage({ read, keyOf: ({ id }) => id, toItem }, limit, decodeCursor(cursor))
}

/** Returns the digests of a data set's files, even if its record cannot be read. Damaged digests are left out. */
export async function datasetDigests(catalog: Catalog, id: string): Promise<string[]> {
  const rows = await catalog.selectFrom('dataset_files').select('sha256').where('dataset_id', '=', id).execute()
  return rows.map(({ sha256 }) => sha256).filter(sha256 => digest.safeParse(sha256).success)
}

export async function deleteDataset(catalog: Catalog, id: string): Promise<void> {
  await catalog.deleteFrom('labels').where('owner_id', '=', id).execute()
  await catalog.deleteFrom('dataset_files').where('dataset_id', '=', id).execute()
  await freeKeysOf(catalog, id)
  await catalog.deleteFrom('datasets').where('id', '=', id).execute()
}

/** Column with the files as a JSON list, in the order of the upload. */
const filesColumn = sql<string>`(select json_group_array(json_object('name', cast(name as text),
  'bytes', cast(bytes as integer), 'sha256', cast(sha256 as text)))
  from (select name, bytes, sha256 from dataset_files where dataset_id = datasets.id order by position))`

const selectDatasets = (catalog: Catalog) =>
  catalog
    .selectFrom('datasets')
    .selectAll('datasets')
    .select([labelsColumn('datasets.id').as('labels'), filesColumn.as('files')])

type DatasetRow = Tables['datasets'] & { labels: string; files: string }

/** Reads the files of a row. @throws Error if the digest of the row is not theirs, which means damage */
function filesOf({ files, sha256 }: DatasetRow): DatasetContent[] {
  const stored: DatasetContent[] = JSON.parse(files)
  if (datasetDigest(stored) !== sha256) throw new Error('its sha256 is not the digest of its files')
  return stored
}

function toItem(row: DatasetRow): DatasetItem {
  return readOr(
    () =>
      dataset.parse({
        ...column('description', () => JSON.parse(row.description)),
        id: row.id,
        name: row.name,
        labels: JSON.parse(row.labels),
        sha256: row.sha256,
        bytes: row.bytes,
        files: filesOf(row),
        createdAt: row.created_at,
        expiresAt: row.expires_at,
      }),
    reason => ({
      id: String(row.id),
      name: row.name === null ? null : String(row.name),
      labels: jsonOr(labels, row.labels, {}),
      sha256: validOr(digest, row.sha256, null),
      createdAt: validOr(timestamp, row.created_at, null),
      expiresAt: validOr(expiresAt, row.expires_at, null),
      unreadable: reason,
    }),
  )
}
