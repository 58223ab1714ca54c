import { sql } from 'kysely'
import { digest, expiresAt, labels, timestamp } from '../../schemas/common.ts'
import { type ModelItem, type ModelRecord, model } from '../../schemas/model.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import type { InspectedModel } from '../onnx/graph/inspect-model.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { labelsColumn } from '../storage/record-labels.ts'
import { column, jsonOr, readOr, validOr } from '../storage/unreadable.ts'
import { type ModelFile, modelDigest } from './model-digest.ts'

/** Value of the catalog for an unknown fingerprint. */
export const unknownFingerprint = ''

/** Column with the files as a JSON list: the model's own file first, then the others by location. */
const filesColumn = sql<string>`(select json_group_array(json_object('location', cast(location as text),
  'sha256', cast(sha256 as text), 'bytes', cast(bytes as integer)))
  from (select location, sha256, bytes from model_files where model_id = models.id order by location))`

/** Selects the rows of models, each with its labels and files. {@link toItem} reads them. */
export const selectModels = (catalog: Catalog) =>
  catalog
    .selectFrom('models')
    .selectAll('models')
    .select([labelsColumn('models.id').as('labels'), filesColumn.as('files')])

type ModelRow = Tables['models'] & { labels: string; files: string }

/** The description that the catalog keeps as JSON. Models of earlier versions have no `dataBytes`. */
type StoredDescription = Omit<InspectedModel, 'fingerprint' | 'dataBytes'> & Partial<Pick<InspectedModel, 'dataBytes'>>

/** Returns the record in a row; a part of it if the row is damaged. */
export function toItem(row: ModelRow): ModelItem {
  return readOr(
    () => model.parse(recordOf(row)),
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

function recordOf(row: ModelRow): unknown {
  const { externalData, dataBytes: _, ...description } = descriptionOf(row)
  const own: ModelFile[] = JSON.parse(row.files)
  const here = new Set(own.map(({ location }) => location))
  const missing = externalData.filter(location => !here.has(location))
  requireDigest(row, missing.length > 0 ? own.filter(({ location }) => location === '') : own)
  return {
    ...description,
    id: row.id,
    name: row.name,
    labels: JSON.parse(row.labels),
    sha256: row.sha256,
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    files: own,
    status: missing.length > 0 ? 'incomplete' : 'complete',
    missing,
    fingerprint: row.fingerprint === unknownFingerprint ? null : row.fingerprint,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lineage: row.recipe ? lineageOf(recipeIn(row.recipe)) : null,
  }
}

/** Checks the digest of a row. If it is damaged, the model must not be used, and the same upload makes a new record. */
function requireDigest({ sha256 }: Pick<ModelRow, 'sha256'>, files: readonly ModelFile[]): void {
  if (modelDigest(files) !== sha256) throw new Error('its sha256 is not the digest of its files')
}

/** Returns the description in a row. @throws Error if it is damaged */
export function descriptionOf({ description }: Pick<ModelRow, 'description'>): StoredDescription {
  return column('description', () => {
    const value = JSON.parse(description)
    if (!Array.isArray(value?.externalData)) throw new Error('it has no list externalData')
    return value
  })
}

/** Returns the recipe in a JSON text of the catalog. @throws Error if it is damaged */
export function recipeIn(text: string): RecipeDocument {
  return column('recipe', () => {
    const value = JSON.parse(text)
    if (!Array.isArray(value?.models)) throw new Error('it has no list models')
    return value
  })
}

function lineageOf({ method, models, base, normalize }: RecipeDocument): ModelRecord['lineage'] {
  const inputs = models.map(({ id, weight }) => ({ sha256: id, weight }))
  return { method, inputs, base: base ?? inputs[0]?.sha256 ?? '', ...(normalize === undefined ? {} : { normalize }) }
}
