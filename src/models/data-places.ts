import { sql } from 'kysely'
import type { InspectedModel } from '../onnx/graph/inspect-model.ts'
import type { Catalog } from '../storage/database.ts'
import { newestId } from '../storage/records/record-repository.ts'
import { readOr, unreadableRecord } from '../storage/unreadable.ts'
import { setInspected } from './inspections.ts'
import { type ModelFile, modelDigest } from './model-digest.ts'
import { descriptionOf, modelRecords } from './model-records.ts'

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

/** Returns the place of a data file in its model. @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE` */
export async function dataPlace(catalog: Catalog, reference: string, location: string): Promise<DataPlace> {
  const count = sql<number>`(select count(*) from model_files where model_id = models.id and location <> '')`
  const rows = await catalog
    .selectFrom('models')
    .innerJoin('model_files', 'model_files.model_id', 'models.id')
    .where('models.id', '=', newestId('models', reference))
    .where('model_files.location', 'in', ['', location])
    .select(['models.id', 'description', 'location', 'model_files.sha256', 'bytes', count.as('here')])
    .execute()
  const at = (wanted: string) => {
    const row = rows.find(each => each.location === wanted)
    return row && { location: wanted, sha256: row.sha256, bytes: row.bytes }
  }
  const main = at('')
  const [first] = rows
  if (!main || !first) throw modelRecords.unknown(reference)
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
 * @param complete files and inspection of the model if it now has all files
 */
export async function putModelFile(
  catalog: Catalog,
  id: string,
  { location, sha256, bytes }: ModelFile,
  complete: { files: readonly ModelFile[]; inspected: InspectedModel } | undefined,
): Promise<void> {
  await catalog.deleteFrom('model_files').where('model_id', '=', id).where('location', '=', location).execute()
  await catalog.insertInto('model_files').values({ model_id: id, location, sha256, bytes }).execute()
  if (!complete) return
  await catalog
    .updateTable('models')
    .set({ sha256: modelDigest(complete.files) })
    .where('id', '=', id)
    .execute()
  // Only the shards of a checkpoint tell types and dims of its tensors.
  await setInspected(catalog, id, complete.inspected)
}
