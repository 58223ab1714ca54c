import type { JobRecord } from '../../schemas/job.ts'
import type { SearchBody, SearchRequest } from '../../schemas/search.ts'
import { maximumSearchModels } from '../../schemas/strategy.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { filesOf } from '../merge/merge-inputs.ts'
import { modelErrors } from '../models/model-errors.ts'
import type { KeepWith } from '../storage/database.ts'
import { threadErrors } from '../threads/thread-errors.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { JobCommands } from './job-commands.ts'
import { jobErrors } from './job-errors.ts'
import type { Stores } from './resolve-evaluation.ts'
import { scoringErrors } from './resolve-scoring.ts'
import { resolveSearch } from './resolve-search.ts'
import { selectionErrors, selectModels } from './select-models.ts'

export type SearchService = {
  /** Refuses what cannot be searched before there is a job. */
  start(body: SearchBody, keep?: KeepWith<JobRecord>): Promise<JobRecord>
}

/** Error codes of {@link SearchService}. */
export const searchErrors = {
  start: [
    ...selectionErrors,
    ...modelErrors.getComplete,
    ...scoringErrors,
    'TUREEN_SEARCH_TOO_LARGE',
    ...threadErrors.checkSearch,
    ...modelErrors.blamingDamage,
    ...jobErrors.create,
  ],
} as const satisfies Record<keyof SearchService, readonly ErrorCode[]>

/** @param maximumModels models in one search, where that is fewer than {@link maximumSearchModels} */
export function createSearchService(
  stores: Stores,
  threads: ThreadPool,
  jobs: JobCommands,
  maximumModels: number,
): SearchService {
  return {
    async start({ models, ...rest }, keep) {
      const maximum = Math.min(maximumModels, maximumSearchModels)
      const selected = Array.isArray(models)
        ? models
        : (await selectModels(models, { minimum: 1, maximum }, stores.models)).map(id => ({ id }))
      const request: SearchRequest = { ...rest, models: selected }
      const { inputs, settings, inputIds } = await resolveSearch(request, stores)
      const check = () => threads.checkSearch({ inputs, settings })
      await stores.models.blamingDamage(filesOf(inputs), check).catch((error: unknown) => {
        throw asGroupError(error)
      })
      return jobs.create({ type: 'search', request, labels: request.labels, inputIds }, keep)
    },
  }
}

/** Groups of tensors are checked as rules of a merge; the client knows them as groups. */
function asGroupError(error: unknown): unknown {
  if (!(error instanceof TureenError) || error.code !== 'TUREEN_RULE_UNMATCHED') return error
  const errors = error.errors.map(item => ({
    ...item,
    field: (item.field ?? '').replace(/^rules\.(\d+)\.match$/, 'strategy.groups.$1'),
  }))
  return new TureenError(error.code, error.message, errors, { cause: error })
}
