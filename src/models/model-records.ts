import { v7 as uuid } from 'uuid'
import type { ModelRecord } from '../../schemas/model.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { hasLabels, insertLabels, type Labels, labelsOf } from '../storage/labels.ts'
import { decodeCursor, type Page, pageOf } from '../storage/paging.ts'
import type { InspectedModel } from '../threads/inspect-task.ts'

/** What a new model record is made from. */
export type NewModel = {
  sha256: string
  inspected: InspectedModel
  name: string | null
  labels: Labels
  recipe: RecipeDocument | null
}

export type ModelFilters = {
  limit: number
  cursor?: string | undefined
  name?: string | undefined
  label: Labels
  fingerprint?: string | undefined
  sha256?: string | undefined
}

/** Rows of the catalog that make up model records. All take a catalog or a transaction of it. */

export async function insertModel(
  catalog: Catalog,
  { sha256, inspected, name, labels, recipe }: NewModel,
): Promise<string> {
  const id = uuid()
  const { fingerprint, ...description } = inspected
  await catalog
    .insertInto('models')
    .values({
      id,
      name,
      sha256,
      fingerprint,
      description: JSON.stringify(description),
      recipe: recipe && JSON.stringify(recipe),
      created_at: new Date().toISOString(),
    })
    .execute()
  await insertLabels(catalog, id, labels)
  return id
}

/** The id that a reference (an id, or a digest of content) stands for; undefined if there is no such model. */
export async function resolveModel(catalog: Catalog, reference: string): Promise<string | undefined> {
  const column = reference.startsWith('sha256:') ? 'sha256' : 'id'
  const row = await catalog
    .selectFrom('models')
    .select('id')
    .where(column, '=', reference)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.id
}

export async function modelById(catalog: Catalog, id: string): Promise<ModelRecord | undefined> {
  const rows = await catalog.selectFrom('models').selectAll().where('models.id', '=', id).execute()
  return (await toRecords(catalog, rows))[0]
}

/** A record of the same content under the same name with the same labels, if there is one. */
export async function sameModel(
  catalog: Catalog,
  { sha256, name, labels }: NewModel,
): Promise<ModelRecord | undefined> {
  const rows = await catalog
    .selectFrom('models')
    .selectAll()
    .where('models.sha256', '=', sha256)
    .where('models.name', name === null ? 'is' : '=', name)
    .where(hasLabels(labels, 'models.id'))
    .orderBy('models.id', 'desc')
    .execute()
  const records = await toRecords(catalog, rows)
  return records.find(record => Object.keys(record.labels).length === Object.keys(labels).length)
}

export async function listModels(catalog: Catalog, filters: ModelFilters): Promise<Page<ModelRecord>> {
  const { limit, cursor, name, label, fingerprint, sha256 } = filters
  let query = catalog
    .selectFrom('models')
    .selectAll()
    .where(hasLabels(label, 'models.id'))
    .orderBy('models.id', 'desc')
    .limit(limit + 1)
  if (cursor !== undefined) query = query.where('models.id', '<', decodeCursor(cursor))
  if (name !== undefined) query = query.where('models.name', '=', name)
  if (fingerprint !== undefined) query = query.where('models.fingerprint', '=', fingerprint)
  if (sha256 !== undefined)
    query = query.where('models.sha256', '=', sha256.includes(':') ? sha256 : `sha256:${sha256}`)
  return pageOf(await toRecords(catalog, await query.execute()), limit)
}

export async function recipeOf(catalog: Catalog, id: string): Promise<RecipeDocument | undefined> {
  const row = await catalog.selectFrom('models').select('recipe').where('id', '=', id).executeTakeFirst()
  return row?.recipe ? JSON.parse(row.recipe) : undefined
}

export async function deleteModel(catalog: Catalog, id: string): Promise<void> {
  await catalog.deleteFrom('labels').where('owner_id', '=', id).execute()
  await catalog.deleteFrom('models').where('id', '=', id).execute()
}

async function toRecords(catalog: Catalog, rows: readonly Tables['models'][]): Promise<ModelRecord[]> {
  const labels = await labelsOf(
    catalog,
    rows.map(({ id }) => id),
  )
  return rows.map(row => {
    const { externalData, ...description } = JSON.parse(row.description)
    return {
      ...description,
      id: row.id,
      name: row.name,
      labels: labels.get(row.id) ?? {},
      sha256: row.sha256,
      status: externalData.length > 0 ? 'incomplete' : 'complete',
      missing: externalData,
      fingerprint: row.fingerprint,
      createdAt: row.created_at,
      lineage: row.recipe ? lineageOf(JSON.parse(row.recipe)) : null,
    }
  })
}

function lineageOf({ method, models, base, normalize }: RecipeDocument): ModelRecord['lineage'] {
  const inputs = models.map(({ id, weight }) => ({ sha256: id, weight }))
  return { method, inputs, base: base ?? inputs[0]?.sha256 ?? '', normalize }
}
