import type { ModelRecord } from '../../schemas/model.ts'
import type { InspectedModel } from '../onnx/graph/inspect-model.ts'
import type { Catalog } from '../storage/database.ts'
import { writeDocument } from '../storage/documents/stored-document.ts'
import { newestId } from '../storage/records/record-repository.ts'
import { isReadable } from '../storage/unreadable.ts'
import { descriptionDocument, descriptionOf, modelRecords, unknownFingerprint } from './model-records.ts'

/**
 * Returns the results of a model's inspection; undefined if there is no such model, or if it was inspected by an earlier version that
 * found less than this one.
 */
export async function inspectedModel(catalog: Catalog, reference: string): Promise<InspectedModel | undefined> {
  const row = await catalog
    .selectFrom('models')
    .select(['description', 'fingerprint'])
    .where('id', '=', newestId('models', reference))
    .executeTakeFirst()
  if (!row || row.fingerprint === unknownFingerprint) return undefined
  const { dataBytes, checkpoint, ...description } = descriptionOf(row)
  return dataBytes && { ...description, dataBytes, ...(checkpoint ? { checkpoint } : {}), fingerprint: row.fingerprint }
}

/** Replaces the description of a model's file, since an earlier version may have counted other tensors as weights. */
export async function setInspected(catalog: Catalog, id: string, inspected: InspectedModel): Promise<void> {
  const { fingerprint, ...description } = inspected
  const values = {
    fingerprint: fingerprint ?? unknownFingerprint,
    description: writeDocument(descriptionDocument, description),
  }
  await catalog.updateTable('models').set(values).where('id', '=', id).execute()
}

/** Yields complete models without a fingerprint. Migrations remove fingerprints that an earlier version computed differently. */
export async function* modelsWithoutFingerprint(catalog: Catalog): AsyncGenerator<ModelRecord> {
  for await (const model of modelRecords.each(catalog, { label: {}, fingerprint: unknownFingerprint }))
    if (isReadable(model) && model.status === 'complete') yield model
}
