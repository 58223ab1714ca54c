import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Metrics } from '../http/metrics.ts'
import { comparisonRunner, createComparisonService } from '../jobs/comparison-job.ts'
import { createEvaluationService, evaluationRunner } from '../jobs/evaluation-job.ts'
import { createJobService, type JobRunners } from '../jobs/job-service.ts'
import { createMergeService, mergeRunner } from '../jobs/merge-job.ts'
import { searchRunner } from '../jobs/search-job.ts'
import { createSearchService } from '../jobs/search-service.ts'
import type { Engine } from './engine.ts'
import type { Storage } from './storage.ts'
import type { Stores } from './stores.ts'

/** The job service, and the services that start jobs of each type. */
export type Jobs = ReturnType<typeof createJobs>

/** Returns the services of jobs. Jobs of earlier processes wait until {@link JobService.resume} is called. */
export function createJobs(
  config: Pick<Config, 'jobs' | 'evaluation' | 'searchMemoryBytes' | 'maximumModels'>,
  storage: Storage,
  { models, datasets, scores }: Stores,
  engine: Engine,
  { metrics, log }: { metrics: Metrics; log: Logger },
) {
  const { maximumModels } = config
  const stores = { models, datasets }
  const { threads } = engine
  const jobs = createJobService(
    storage,
    createRunners(config, storage, { ...stores, scores }, engine),
    log,
    config.jobs,
    metrics.jobEnded,
  )
  return {
    jobs,
    merges: createMergeService(stores, threads, jobs, maximumModels),
    comparisons: createComparisonService(models, jobs, maximumModels),
    evaluations: createEvaluationService(stores, jobs),
    searches: createSearchService(stores, threads, jobs, maximumModels),
  }
}

function createRunners(
  { evaluation, searchMemoryBytes }: Pick<Config, 'evaluation' | 'searchMemoryBytes'>,
  { contentFiles }: Storage,
  { models, datasets, scores }: Pick<Stores, 'models' | 'datasets' | 'scores'>,
  { threads, evaluators }: Engine,
): JobRunners {
  const stores = { models, datasets }
  const merger = { ...stores, contentFiles, threads, evaluators, kept: scores, evaluationThreads: evaluation.threads }
  return {
    merge: mergeRunner(merger),
    comparison: comparisonRunner(models, threads),
    evaluation: evaluationRunner(stores, scores, evaluators, evaluation.threads),
    search: searchRunner({
      stores,
      merger,
      evaluators,
      kept: scores,
      threads: evaluation.threads,
      memoryBytes: searchMemoryBytes,
    }),
  }
}
