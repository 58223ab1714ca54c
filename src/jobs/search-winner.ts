import type { RecalibrationReport } from '../../schemas/recalibration.ts'
import type { SearchRequest, SearchResult } from '../../schemas/search.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { modelDigest } from '../models/model-digest.ts'
import { isSingle } from '../search/candidate-soup.ts'
import { expiryAfter } from '../storage/expiry.ts'
import type { RunMerge } from '../threads/candidate-thread.ts'
import type { JobContext } from './job-service.ts'
import type { KeptScores } from './kept-scores.ts'
import { type Merger, mergeIntoStore } from './merge-job.ts'
import type { ResolvedSearch, SearchedModel } from './resolve-search.ts'
import { soupMerge } from './search-soups.ts'

/** The model of a search that a soup is; undefined if the soup is a new model, also by another type of its weights. */
export function modelOfSoup(
  soup: CandidateSoup,
  { models, settings }: Pick<ResolvedSearch, 'models' | 'settings'>,
): SearchedModel | undefined {
  const [only] = isSingle(soup) ? soup.members : []
  return only === undefined || settings.outputDtype ? undefined : models[only]
}

/** Services that make the new model of a search. `scores`: scores of the winner, which are kept for the new model. */
export type WinnerMaking = {
  merger: Merger
  /** Merges in the thread of the search, which has the models open. */
  merge: RunMerge
  kept: KeptScores
  scores: Parameters<KeptScores['adopt']>[1]
}

/** Makes the winning soup a model of the store, and ends the job with it. */
export async function storeWinner(
  soup: CandidateSoup,
  { name, labels, ttl }: SearchRequest,
  search: ResolvedSearch,
  { merger, merge, kept, scores }: WinnerMaking,
  { id: jobId, signal, succeed }: JobContext<'search'>,
  result: () => Omit<SearchResult, 'model'>,
): Promise<void> {
  const into = { ...merger, threads: { merge, rewrite: merger.threads.rewrite } }
  const making = { ...soupMerge(soup, search, true), recalibration: isSingle(soup) ? null : search.recalibration }
  await mergeIntoStore(making, into, { jobId, signal, progress: () => undefined }, async (merged, insert) => {
    const sha256 = modelDigest(merged.files)
    await kept.adopt(sha256, scores, jobId)
    await succeed(async transaction => {
      const id = await insert(transaction, { name: name ?? null, labels, expiresAt: expiryAfter(ttl) })
      const { notes, ...found } = result()
      return {
        model: { id, name: name ?? null, sha256 },
        ...found,
        notes: [...notes, ...notesOnLeft(merged.report.recalibration)],
      }
    })
  })
}

/** The batch norms of the winner that still have averaged statistics. */
function notesOnLeft(recalibration: RecalibrationReport | undefined): string[] {
  return (recalibration?.left ?? []).map(({ node, reason }) => `the batch norm ${node} was not measured: it ${reason}`)
}
