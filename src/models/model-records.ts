import { type Selectable, sql } from 'kysely'
import { z } from 'zod'
import { checkpointDescription } from '../../schemas/checkpoint.ts'
import { recipe, type StoredRecipe } from '../../schemas/merge.ts'
import { type ModelRecord, model } from '../../schemas/model.ts'
import { jsonList } from '../storage/catalog-sql.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { type DocumentKind, readDocument } from '../storage/documents/stored-document.ts'
import { labelsColumn } from '../storage/record-labels.ts'
import { createRecords } from '../storage/records/record-repository.ts'
import { orderClause, sortKey } from '../storage/records/row-order.ts'
import { chosenRoot, type ModelFile, modelDigest } from './model-digest.ts'

/** Value of the catalog for an unknown fingerprint. */
export const unknownFingerprint = ''

/** Column with the files as a JSON list: the model's own file first, then the others by location. */
const filesColumn = (catalog: Catalog) =>
  jsonList(
    catalog,
    { table: 'model_files', owner: 'model_id', is: 'models.id', by: 'location' },
    { location: 'text', sha256: 'text', bytes: 'integer' },
  )

type ModelRow = Selectable<Tables['models']> & { labels: string; files: string }

/** The stored models. */
export const modelRecords = createRecords<ModelRow, ModelRecord>({
  table: 'models',
  title: 'model',
  advice: 'Upload it first, or list the models with GET /v1/models.',
  filters: ['name', 'sha256', 'fingerprint', 'kind'],
  place: reference => ({ model: reference }),
  bytes: sql<number>`(select coalesce(sum(bytes), 0) from model_files where model_id = models.id)`,
  rows: (catalog, condition, order, limit) =>
    catalog
      .selectFrom('models')
      .selectAll('models')
      .select([
        labelsColumn(catalog, 'models.id').as('labels'),
        filesColumn(catalog).as('files'),
        sortKey(order).as('sort_key'),
      ])
      .where(condition)
      .orderBy(orderClause(order))
      .limit(limit)
      .execute(),
  record: row => model.parse(recordOf(row)),
})

/** The description that the catalog keeps of a model. */
export const descriptionDocument: DocumentKind = { name: 'description', upgrades: [] }

/** The recipe that the catalog keeps of a soup. */
export const recipeDocument: DocumentKind = { name: 'recipe', upgrades: [] }

/** Models of earlier versions have no `dataBytes`. */
const storedDescription = model
  .pick({
    bytes: true,
    irVersion: true,
    producer: true,
    opsets: true,
    inputs: true,
    outputs: true,
    parameters: true,
    tensorCount: true,
    dtypes: true,
  })
  .extend({
    externalData: z.array(z.string()),
    dataBytes: z.array(z.number()).optional(),
    checkpoint: checkpointDescription.optional(),
  })

type StoredDescription = z.infer<typeof storedDescription>

function recordOf(row: ModelRow): unknown {
  const { externalData, dataBytes: _, checkpoint = null, ...description } = descriptionOf(row)
  const own: ModelFile[] = JSON.parse(row.files)
  const here = new Set(own.map(({ location }) => location))
  const missing = externalData.filter(location => !here.has(location))
  requireDigest(row, missing.length > 0 ? own.filter(({ location }) => location === '') : own, chosenRoot(checkpoint))
  return {
    ...description,
    id: row.id,
    kind: row.kind,
    checkpoint,
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
function requireDigest(
  { sha256 }: Pick<ModelRow, 'sha256'>,
  files: readonly ModelFile[],
  root: string | undefined,
): void {
  if (modelDigest(files, root) !== sha256) throw new Error('its sha256 is not the digest of its files')
}

/** Returns the description in a row. @throws Error if it is damaged, or of a newer version */
export function descriptionOf({ description }: Pick<ModelRow, 'description'>): StoredDescription {
  return readDocument(descriptionDocument, storedDescription, description)
}

/** Returns the recipe in a JSON text of the catalog. @throws Error if it is damaged, or of a newer version */
export function recipeIn(text: string): StoredRecipe {
  return readDocument(recipeDocument, recipe, text)
}

function lineageOf({ method, models, base, normalize }: StoredRecipe): ModelRecord['lineage'] {
  const inputs = models.map(({ id, weight }) => ({ sha256: id, weight }))
  return { method, inputs, base: base ?? inputs[0]?.sha256 ?? '', ...(normalize === undefined ? {} : { normalize }) }
}
