import type { ModelItem } from '../../schemas/model.ts'
import type { Catalog } from '../storage/database.ts'
import { lockName } from '../storage/row-locks.ts'
import { removeScoresOf } from '../storage/scored-models.ts'
import { modelRecords } from './model-records.ts'

/**
 * Deletes the record of a model, with the scores that nobody can use any more.
 * @param allow called with the record just before its deletion; it may throw to prevent that
 * @returns the digests of its content
 * @throws TureenError `TUREEN_NOT_FOUND`; `TUREEN_IN_USE` while a job that has not ended needs it
 */
export async function removeModel(
  transaction: Catalog,
  reference: string,
  allow: (model: ModelItem) => void,
): Promise<string[]> {
  const { sha256 } = await modelRecords.find(transaction, reference)
  // Of two deletions at once, each would else see the other's record of the same model, and leave the scores.
  if (sha256 !== null) await lockName(transaction, sha256)
  const digests = await modelRecords.remove(transaction, reference, allow)
  if (sha256 !== null) await removeScoresOf(transaction, sha256)
  return digests
}
