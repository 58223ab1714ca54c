import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Metrics } from '../http/metrics.ts'
import { sharedBoard } from '../jobs/cluster/shared-board.ts'
import { openHelpedSearch } from '../jobs/helped-search.ts'
import type { RangeBoard } from '../jobs/range-board.ts'
import { countRunningJobs } from '../jobs/running-jobs.ts'
import { createSearchHelper } from '../jobs/search-helper.ts'
import type { Engine } from './engine.ts'
import type { Storage } from './storage.ts'
import type { RecordStores } from './stores.ts'

/** The parts with which servers of one store score candidates for each other. */
export type Helping = ReturnType<typeof createHelping>

/**
 * Returns the means to score candidates, for own searches and for those of other servers. `spread` is null if this server has its store alone.
 * `helper` is null also if the server runs no searches.
 */
export function createHelping(
  { evaluation, searchMemoryBytes: memoryBytes, role, sharedJobs }: Config,
  { catalog, notifications, contentFiles }: Storage,
  { models, datasets, scores: kept }: RecordStores,
  { threads, evaluators }: Engine,
  { metrics, log }: { metrics: Metrics; log: Logger },
) {
  const scoring = { threads, contentFiles, evaluators, evaluationThreads: evaluation.threads, memoryBytes }
  const board = notifications ? sharedBoard(catalog, notifications) : null
  const runs = countRunningJobs(() => helper?.wake())
  const helperOf = (board: RangeBoard) =>
    createSearchHelper({
      board,
      open: (jobId, signal) =>
        openHelpedSearch(jobId, { catalog, stores: { models, datasets }, scoring, kept }, signal),
      evaluators: evaluators.width,
      isFree: () => runs.count === 0,
      onScored: metrics.candidatesHelped,
      log,
    })
  const runsSearches = role !== 'api' && sharedJobs.types.includes('search')
  const helper = board && runsSearches ? helperOf(board) : null
  return { scoring, runs, spread: board && { board, log }, helper }
}
