import type { NamedModel } from '../../schemas/common.ts'
import type { RecalibrationReport } from '../../schemas/recalibration.ts'
import type { SearchRequest, SearchResult } from '../../schemas/search.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { modelDigest } from '../models/model-digest.ts'
import type { ModelStore } from '../models/model-store.ts'
import { isBase, isSingle } from '../search/candidate-soup.ts'
import type { Catalog } from '../storage/database.ts'
import { expiryAfter } from '../storage/expiry.ts'
import type { JobContext } from './job-runner.ts'
import type { KeptScores } from './kept-scores.ts'
import { type Merger, mergeIntoStore } from './merge-job.ts'
import type { ResolvedSearch, SearchedModel } from './resolve-search.ts'
import { soupMerge } from './search-soups.ts'

/** The model of a search that a soup is, or its base; undefined if the soup is a new model, also by another type of its weights. */
export function modelOfSoup(
  soup: CandidateSoup,
  { models, base, settings }: Pick<ResolvedSearch, 'models' | 'base' | 'settings'>,
): SearchedModel | undefined {
  if (isBase(soup)) return base ?? undefined
  const [only] = isSingle(soup) ? soup.members : []
  return only === undefined || settings.outputDtype ? undefined : models[only]
}

/**
 * Returns the record of a single model that is the result of a search. With guard, every result has the name, labels and ttl of the request.
 * So the function makes a new record of the same content if the request gives any of them.
 */
export async function recordOfSingle(
  { id, name, sha256 }: NamedModel,
  { guard, name: wanted, labels, ttl }: SearchRequest,
  models: Pick<ModelStore, 'copy'>,
  transaction: Catalog,
): Promise<NamedModel> {
  const asksForRecord = wanted !== undefined || Object.keys(labels).length > 0 || ttl !== undefined
  if (!guard || !asksForRecord) return { id, name, sha256 }
  const upload = { name: wanted ?? null, labels, expiresAt: expiryAfter(ttl) }
  return { id: await models.copy(transaction, id, upload), name: upload.name, sha256 }
}

/**
 * Services that make the new model of a search. `scores`: scores of its soup, which are kept for the new model. `keepMistakes`: writes the
 * mistakes of the search with its end.
 */
export type ResultMaking = {
  merger: Merger
  kept: KeptScores
  scores: Parameters<KeptScores['adopt']>[1]
  keepMistakes(transaction: Catalog): Promise<void>
}

/** Makes a soup a model of the store, and ends the job with it. `result`: the result, given the model and further notes. */
export async function storeSoup(
  soup: CandidateSoup,
  { name, labels, ttl }: SearchRequest,
  search: ResolvedSearch,
  { merger, kept, scores, keepMistakes }: ResultMaking,
  { id: jobId, signal, succeed }: JobContext<'search'>,
  result: (model: NamedModel, notes: readonly string[]) => SearchResult,
): Promise<void> {
  const making = { ...soupMerge(soup, search, true), recalibration: isSingle(soup) ? null : search.recalibration }
  await mergeIntoStore(making, merger, { jobId, signal, progress: () => undefined }, async (merged, insert) => {
    const sha256 = modelDigest(merged.files)
    await kept.adopt(sha256, scores, jobId)
    await succeed(async transaction => {
      const upload = { name: name ?? null, labels, expiresAt: expiryAfter(ttl) }
      const id = await insert(transaction, upload)
      await keepMistakes(transaction)
      return result({ id, name: upload.name, sha256 }, notesOnLeft(merged.report.recalibration))
    })
  })
}

/** The batch norms of the soup that still have averaged statistics. */
function notesOnLeft(recalibration: RecalibrationReport | undefined): string[] {
  return (recalibration?.left ?? []).map(({ node, reason }) => `the batch norm ${node} was not measured: it ${reason}`)
}
