import { v7 as uuid } from 'uuid'
import type { ModelRecord } from '../../schemas/model.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import type { Catalog } from '../storage/database.ts'
import { hasLabels, insertLabels, type Labels, labelsOf } from '../storage/labels.ts'
import { decodeCursor, type Page, pageOf } from '../storage/paging.ts'
import type { InspectedModel } from '../threads/inspect-task.ts'

/** What a new model record is made from. */
export type NewModel = { sha256: string; name: string | null; labels: Labels; recipe: RecipeDocument | null }

export type ModelFilters = {
  limit: number
  cursor?: string | undefined
  name?: string | undefined
  label: Labels
  fingerprint?: string | undefined
  sha256?: string | undefined
}

/** Rows of the catalog that make up model records. All take a catalog or a transaction of it. */

export async function insertContent(catalog: Catalog, sha256: string, inspected: InspectedModel): Promise<void> {
  const { fingerprint, ...description } = inspected
  await catalog
    .insertInto('contents')
    .values({
      sha256,
      bytes: description.bytes,
      fingerprint,
      description: JSON.stringify(description),
      created_at: new Date().toISOString(),
    })
    .onConflict(conflict => conflict.column('sha256').doNothing())
    .execute()
}

export async function hasContent(catalog: Catalog, sha256: string): Promise<boolean> {
  const rows = await catalog.selectFrom('contents').select('sha256').where('sha256', '=', sha256).execute()
  return rows.length > 0
}

export async function knownContents(catalog: Catalog): Promise<Set<string>> {
  const rows = await catalog.selectFrom('contents').select('sha256').execute()
  return new Set(rows.map(({ sha256 }) => sha256))
}

export async function insertModel(catalog: Catalog, { sha256, name, labels, recipe }: NewModel): Promise<string> {
  const id = uuid()
  const row = { id, name, sha256, recipe: recipe && JSON.stringify(recipe), created_at: new Date().toISOString() }
  await catalog.insertInto('models').values(row).execute()
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
  const rows = await selectModels(catalog).where('models.id', '=', id).execute()
  return (await toRecords(catalog, rows))[0]
}

/** A record of the same content under the same name with the same labels, if there is one. */
export async function sameModel(
  catalog: Catalog,
  { sha256, name, labels }: NewModel,
): Promise<ModelRecord | undefined> {
  const rows = await selectModels(catalog)
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
  let query = selectModels(catalog)
    .where(hasLabels(label, 'models.id'))
    .orderBy('models.id', 'desc')
    .limit(limit + 1)
  if (cursor !== undefined) query = query.where('models.id', '<', decodeCursor(cursor))
  if (name !== undefined) query = query.where('models.name', '=', name)
  if (fingerprint !== undefined) query = query.where('contents.fingerprint', '=', fingerprint)
  if (sha256 !== undefined)
    query = query.where('models.sha256', '=', sha256.includes(':') ? sha256 : `sha256:${sha256}`)
  return pageOf(await toRecords(catalog, await query.execute()), limit)
}

export async function recipeOf(catalog: Catalog, id: string): Promise<RecipeDocument | undefined> {
  const row = await catalog.selectFrom('models').select('recipe').where('id', '=', id).executeTakeFirst()
  return row?.recipe ? JSON.parse(row.recipe) : undefined
}

/** Jobs that are not over yet and use the model. */
export async function unfinishedJobsUsing(catalog: Catalog, modelId: string): Promise<string[]> {
  const rows = await catalog
    .selectFrom('job_models')
    .innerJoin('jobs', 'jobs.id', 'job_models.job_id')
    .select('jobs.id')
    .where('job_models.model_id', '=', modelId)
    .where('jobs.status', 'in', ['queued', 'running'])
    .execute()
  return rows.map(({ id }) => id)
}

/** Removes a model. @returns the digest of its content, if no other record has it: the content's row is gone too. */
export async function deleteModel(
  catalog: Catalog,
  { id, sha256 }: { id: string; sha256: string },
): Promise<string | undefined> {
  await catalog.deleteFrom('labels').where('owner_id', '=', id).execute()
  await catalog.deleteFrom('models').where('id', '=', id).execute()
  const others = await catalog.selectFrom('models').select('id').where('sha256', '=', sha256).limit(1).execute()
  if (others.length > 0) return undefined
  await catalog.deleteFrom('contents').where('sha256', '=', sha256).execute()
  return sha256
}

function selectModels(catalog: Catalog) {
  return catalog
    .selectFrom('models')
    .innerJoin('contents', 'contents.sha256', 'models.sha256')
    .select(['models.id', 'models.name', 'models.sha256', 'models.recipe', 'models.created_at'])
    .select(['contents.fingerprint', 'contents.description'])
}

type ModelRow = Awaited<ReturnType<ReturnType<typeof selectModels>['execute']>>[number]

async function toRecords(catalog: Catalog, rows: readonly ModelRow[]): Promise<ModelRecord[]> {
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
