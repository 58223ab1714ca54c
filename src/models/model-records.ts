import { sql } from 'kysely'
import { digest } from '../../schemas/common.ts'
import type { ModelItem, ModelRecord } from '../../schemas/model.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import type { InspectedModel } from '../onnx/graph/inspect-model.ts'
import type { Catalog } from '../storage/database.ts'
import { freeKeysOf } from '../storage/idempotency-keys.ts'
import { decodeCursor, type Page, readPage } from '../storage/paging.ts'
import { newRecordId } from '../storage/record-ids.ts'
import { hasLabels, insertLabels, type Labels } from '../storage/record-labels.ts'
import { columnOf, digestIn } from '../storage/references.ts'
import { isReadable, readOr, unreadableRecord } from '../storage/unreadable.ts'
import { type ModelFile, modelDigest } from './model-digest.ts'
import { descriptionOf, recipeIn, selectModels, toItem, unknownFingerprint } from './model-rows.ts'

/** The values of a new model record. */
export type NewModel = {
  files: readonly ModelFile[]
  inspected: InspectedModel
  name: string | null
  labels: Labels
  recipe: RecipeDocument | null
  /** Time of expiry as RFC 3339; null: never. */
  expiresAt: string | null
}

export type ModelFilters = {
  limit: number
  cursor?: string | undefined
  name?: string | undefined
  label: Labels
  fingerprint?: string | undefined
  sha256?: string | undefined
}

/** Most rows in one statement. SQLite takes 32,766 parameters, but statements with many take long to prepare. */
const rowsInStatement = 250

// Rows of the catalog for models. All functions take the catalog, or a transaction of it.

export async function insertModel(
  catalog: Catalog,
  { files, inspected, name, labels, recipe, expiresAt }: NewModel,
): Promise<string> {
  const id = newRecordId()
  const { fingerprint, ...description } = inspected
  const sha256 = digestOfNew({ files, inspected })
  await catalog
    .insertInto('models')
    .values({
      id,
      name,
      sha256,
      fingerprint: fingerprint ?? unknownFingerprint,
      description: JSON.stringify(description),
      recipe: recipe && JSON.stringify(recipe),
      created_at: new Date().toISOString(),
      expires_at: expiresAt,
    })
    .execute()
  const rows = files.map(({ location, sha256, bytes }) => ({ model_id: id, location, sha256, bytes }))
  for (let from = 0; from < rows.length; from += rowsInStatement) {
    const some = rows.slice(from, from + rowsInStatement)
    await catalog.insertInto('model_files').values(some).execute()
  }
  await insertLabels(catalog, id, labels)
  return id
}

/**
 * Inserts another record of a model's content: with the same files, description and recipe, and with its own name, labels and expiry.
 * @returns the new id
 */
export async function copyModel(
  catalog: Catalog,
  id: string,
  { name, labels, expiresAt }: Pick<NewModel, 'name' | 'labels' | 'expiresAt'>,
): Promise<string> {
  const copy = newRecordId()
  const created = new Date().toISOString()
  await sql`insert into models (id, name, sha256, fingerprint, description, recipe, created_at, expires_at)
    select ${copy}, ${name}, sha256, fingerprint, description, recipe, ${created}, ${expiresAt}
    from models where id = ${id}`.execute(catalog)
  await sql`insert into model_files (model_id, location, sha256, bytes)
    select ${copy}, location, sha256, bytes from model_files where model_id = ${id}`.execute(catalog)
  await insertLabels(catalog, copy, labels)
  return copy
}

/** Returns the digest of a new model. While the model lacks external data, it is the digest of its own file. */
function digestOfNew({ files, inspected }: Pick<NewModel, 'files' | 'inspected'>): string {
  const locations = new Set(files.map(({ location }) => location))
  const isComplete = inspected.externalData.every(location => locations.has(location))
  return modelDigest(isComplete ? files : files.filter(({ location }) => location === ''))
}

/** Facts about a model for the upload of one data file. Rows of the model's other data files are counted, not read. */
export type DataPlace = {
  id: string
  main: ModelFile
  /** Locations that the model names. */
  named: readonly string[]
  /** Bytes of the file that the model needs; undefined if the model does not name it, or if an earlier version did not record it. */
  needed: number | undefined
  /** The present file at the location. */
  file: ModelFile | undefined
  /** Number of data files that the model lacks. */
  missing: number
}

/** Returns the place of a data file in its model; undefined if there is no such model. */
export async function dataPlace(catalog: Catalog, reference: string, location: string): Promise<DataPlace | undefined> {
  const count = sql<number>`(select count(*) from model_files where model_id = models.id and location <> '')`
  const rows = await catalog
    .selectFrom('models')
    .innerJoin('model_files', 'model_files.model_id', 'models.id')
    .where('models.id', '=', idOf(catalog, reference))
    .where('model_files.location', 'in', ['', location])
    .select(['models.id', 'description', 'location', 'model_files.sha256', 'bytes', count.as('here')])
    .execute()
  const at = (wanted: string) => {
    const row = rows.find(each => each.location === wanted)
    return row && { location: wanted, sha256: row.sha256, bytes: row.bytes }
  }
  const main = at('')
  const [first] = rows
  if (!main || !first) return undefined
  const read = () => {
    const { externalData: named, dataBytes = [] } = descriptionOf(first)
    const needed = dataBytes[named.indexOf(location)]
    return { id: first.id, main, named, needed, file: at(location), missing: named.length - first.here }
  }
  return readOr(read, reason => {
    throw unreadableRecord({ model: reference }, reason)
  })
}

/**
 * Adds a data file to a model, or replaces the one at its location.
 * @param complete files and fingerprint of the model if it now has all files
 */
export async function putModelFile(
  catalog: Catalog,
  id: string,
  { location, sha256, bytes }: ModelFile,
  complete: { files: readonly ModelFile[]; fingerprint: string | null } | undefined,
): Promise<void> {
  await catalog
    .insertInto('model_files')
    .values({ model_id: id, location, sha256, bytes })
    .onConflict(conflict => conflict.columns(['model_id', 'location']).doUpdateSet({ sha256, bytes }))
    .execute()
  if (!complete) return
  const values = { sha256: modelDigest(complete.files), fingerprint: complete.fingerprint ?? unknownFingerprint }
  await catalog.updateTable('models').set(values).where('id', '=', id).execute()
}

/** Returns complete models without a fingerprint. Migrations remove fingerprints that an earlier version computed differently. */
export async function modelsWithoutFingerprint(catalog: Catalog): Promise<ModelRecord[]> {
  const rows = await selectModels(catalog).where('fingerprint', '=', unknownFingerprint).execute()
  return rows
    .map(toItem)
    .filter(isReadable)
    .filter(({ status }) => status === 'complete')
}

export async function setFingerprint(catalog: Catalog, id: string, fingerprint: string | null): Promise<void> {
  const values = { fingerprint: fingerprint ?? unknownFingerprint }
  await catalog.updateTable('models').set(values).where('id', '=', id).execute()
}

/**
 * Returns the results of a model's inspection; undefined if there is no such model, or if it was inspected by an earlier version that
 * found less than this one.
 */
export async function inspectedModel(catalog: Catalog, reference: string): Promise<InspectedModel | undefined> {
  const row = await catalog
    .selectFrom('models')
    .select(['description', 'fingerprint'])
    .where('id', '=', idOf(catalog, reference))
    .executeTakeFirst()
  if (!row || row.fingerprint === unknownFingerprint) return undefined
  const { dataBytes, ...description } = descriptionOf(row)
  return dataBytes && { ...description, dataBytes, fingerprint: row.fingerprint }
}

/** Replaces the description of a model's file, since an earlier version may have counted other tensors as weights. */
export async function setInspected(catalog: Catalog, id: string, inspected: InspectedModel): Promise<void> {
  const { fingerprint, ...description } = inspected
  const values = { fingerprint: fingerprint ?? unknownFingerprint, description: JSON.stringify(description) }
  await catalog.updateTable('models').set(values).where('id', '=', id).execute()
}

/** Returns the ids of the models that have all of the labels, oldest first. */
export async function idsWithLabels(catalog: Catalog, labels: Labels, limit: number): Promise<string[]> {
  const rows = await catalog
    .selectFrom('models')
    .select('id')
    .where(hasLabels(labels, 'models.id'))
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** Selects the id of the model that a reference names, by id or digest: of the newest one. */
function idOf(catalog: Catalog, reference: string) {
  const { column, value } = columnOf(reference)
  return catalog.selectFrom('models').select('id').where(column, '=', value).orderBy('id', 'desc').limit(1)
}

/** Returns the model that a reference names; undefined if there is none. */
export async function findModel(catalog: Catalog, reference: string): Promise<ModelItem | undefined> {
  const row = await selectModels(catalog).where('models.id', '=', idOf(catalog, reference)).executeTakeFirst()
  return row && toItem(row)
}

/** Returns the newest record with the same content, name and labels; undefined if there is none. */
export async function sameModel(
  catalog: Catalog,
  { files, inspected, name, labels }: NewModel,
): Promise<ModelRecord | undefined> {
  const rows = await selectModels(catalog)
    .where('models.sha256', '=', digestOfNew({ files, inspected }))
    .where('models.name', name === null ? 'is' : '=', name)
    .where(hasLabels(labels, 'models.id'))
    .orderBy('models.id', 'desc')
    .execute()
  return rows
    .map(toItem)
    .filter(isReadable)
    .find(record => Object.keys(record.labels).length === Object.keys(labels).length)
}

export async function listModels(catalog: Catalog, filters: ModelFilters): Promise<Page<ModelItem>> {
  const { limit, cursor, name, label, fingerprint, sha256 } = filters
  let query = selectModels(catalog).where(hasLabels(label, 'models.id')).orderBy('models.id', 'desc')
  if (name !== undefined) query = query.where('models.name', '=', name)
  if (fingerprint !== undefined) query = query.where('models.fingerprint', '=', digestIn(fingerprint) ?? fingerprint)
  if (sha256 !== undefined) query = query.where('models.sha256', '=', digestIn(sha256) ?? sha256)
  const read = (after: string | undefined, count: number) =>
    (after === undefined ? query : query.where('models.id', '<', after)).limit(count).execute()
  return readPage({ read, keyOf: ({ id }) => id, toItem }, limit, decodeCursor(cursor))
}

export async function recipeOf(catalog: Catalog, id: string): Promise<RecipeDocument | undefined> {
  const row = await catalog.selectFrom('models').select('recipe').where('id', '=', id).executeTakeFirst()
  const text = row?.recipe
  if (!text) return undefined
  return readOr(
    () => recipeIn(text),
    reason => {
      throw unreadableRecord({ model: id }, reason)
    },
  )
}

/** Returns the digests of a model's files, even if its record cannot be read. Damaged digests are left out. */
export async function modelDigests(catalog: Catalog, id: string): Promise<string[]> {
  const rows = await catalog.selectFrom('model_files').select('sha256').where('model_id', '=', id).execute()
  return rows.map(({ sha256 }) => sha256).filter(sha256 => digest.safeParse(sha256).success)
}

export async function deleteModel(catalog: Catalog, id: string): Promise<void> {
  await catalog.deleteFrom('labels').where('owner_id', '=', id).execute()
  await catalog.deleteFrom('model_files').where('model_id', '=', id).execute()
  await freeKeysOf(catalog, id)
  await catalog.deleteFrom('models').where('id', '=', id).execute()
}
