import { sql } from 'kysely'
import type { RecipeDocument } from '../merge/provenance.ts'
import type { InspectedModel } from '../onnx/graph/inspect-model.ts'
import type { Catalog } from '../storage/database.ts'
import { writeDocument } from '../storage/documents/stored-document.ts'
import { newRecordId } from '../storage/record-ids.ts'
import { insertLabels, type Labels } from '../storage/record-labels.ts'
import { chosenRoot, type ModelFile, modelDigest } from './model-digest.ts'
import { descriptionDocument, recipeDocument, unknownFingerprint } from './model-records.ts'

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

/** Most rows in one statement. SQLite takes 32,766 parameters, but statements with many take long to prepare. */
const rowsInStatement = 250

/** Inserts a record with its files and labels. @returns its id */
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
      kind: inspected.checkpoint ? 'checkpoint' : 'model',
      description: writeDocument(descriptionDocument, description),
      recipe: recipe && writeDocument(recipeDocument, recipe),
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
  await sql`insert into models (id, name, sha256, fingerprint, kind, description, recipe, created_at, expires_at)
    select ${copy}, ${name}, sha256, fingerprint, kind, description, recipe, ${created}, ${expiresAt}
    from models where id = ${id}`.execute(catalog)
  await sql`insert into model_files (model_id, location, sha256, bytes)
    select ${copy}, location, sha256, bytes from model_files where model_id = ${id}`.execute(catalog)
  await insertLabels(catalog, copy, labels)
  return copy
}

/** Returns the digest of a new model. While the model lacks external data, it is the digest of its own file. */
export function digestOfNew({ files, inspected }: Pick<NewModel, 'files' | 'inspected'>): string {
  const locations = new Set(files.map(({ location }) => location))
  const isComplete = inspected.externalData.every(location => locations.has(location))
  const own = isComplete ? files : files.filter(({ location }) => location === '')
  return modelDigest(own, chosenRoot(inspected.checkpoint))
}
