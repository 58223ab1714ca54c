import { comparisonRoutes } from '../../routes/comparisons.ts'
import { evaluationRoutes } from '../../routes/evaluations.ts'
import { mergeRoutes } from '../../routes/merges.ts'
import { searchRoutes } from '../../routes/searches.ts'
import type { JobType } from '../../schemas/job.ts'
import type { Config } from '../config.ts'
import type { JobStart } from '../http/job-replies.ts'
import { comparisonRunner, createComparisonService } from '../jobs/comparison-job.ts'
import { createEvaluationService, evaluationRunner } from '../jobs/evaluation-job.ts'
import type { RunnableJobTypes } from '../jobs/job-runner.ts'
import { createMergeService, mergeRunner } from '../jobs/merge-job.ts'
import { createRecipeReader } from '../jobs/recipe-reader.ts'
import { searchRunner } from '../jobs/search-job.ts'
import { createSearchService } from '../jobs/search-service.ts'
import type { Engine } from './engine.ts'
import type { HttpServer } from './http-server.ts'
import type { Storage } from './storage.ts'
import type { RecordStores } from './stores.ts'

/** The job types: the runner of each, and the routes with which clients start one. */
export type JobTypes = RunnableJobTypes & {
  [Type in JobType]: { routes(app: HttpServer, starting: JobStart): Promise<void> }
}

/** Returns the registry of job types. */
export function createJobTypes(
  { evaluation, searchMemoryBytes: memoryBytes, maximumModels }: Config,
  { contentFiles }: Storage,
  { models, datasets, scores: kept }: RecordStores,
  { threads, evaluators }: Engine,
): JobTypes {
  const stores = { models, datasets }
  const evaluationThreads = evaluation.threads
  const merger = { ...stores, contentFiles, threads, evaluators, kept, evaluationThreads }
  return {
    merge: {
      runner: mergeRunner(merger),
      async routes(app, starting) {
        const merges = createMergeService(stores, threads, starting.jobs, maximumModels)
        await app.register(mergeRoutes, { ...starting, merges, recipes: createRecipeReader(models, threads) })
      },
    },
    comparison: {
      runner: comparisonRunner(models, threads),
      async routes(app, starting) {
        await app.register(comparisonRoutes, {
          ...starting,
          comparisons: createComparisonService(models, starting.jobs, maximumModels),
        })
      },
    },
    evaluation: {
      runner: evaluationRunner(stores, kept, evaluators, evaluationThreads),
      async routes(app, starting) {
        await app.register(evaluationRoutes, {
          ...starting,
          evaluations: createEvaluationService(stores, starting.jobs),
        })
      },
    },
    search: {
      runner: searchRunner({ stores, merger, evaluators, kept, threads: evaluationThreads, memoryBytes }),
      async routes(app, starting) {
        const searches = createSearchService(stores, threads, starting.jobs, maximumModels)
        await app.register(searchRoutes, { ...starting, searches })
      },
    },
  }
}
