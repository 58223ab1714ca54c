import { idParameter } from '../../schemas/common.ts'
import { comparisonOperation } from '../../schemas/comparison.ts'
import { conversionOperation } from '../../schemas/conversion.ts'
import { evaluationOperation } from '../../schemas/evaluation.ts'
import { exportOperation } from '../../schemas/export.ts'
import {
  comparisonJob,
  conversionJob,
  evaluationJob,
  exportJob,
  type JobType,
  mergeJob,
  searchJob,
} from '../../schemas/job.ts'
import { mergeOperation } from '../../schemas/merge.ts'
import { searchOperation } from '../../schemas/search.ts'
import type { Config } from '../config.ts'
import { type JobStart, startJob } from '../http/job-replies.ts'
import { recipeBodies, recipeMediaTypes } from '../http/recipe-bodies.ts'
import { startOptions } from '../http/start-options.ts'
import { comparisonErrors, comparisonRunner, createComparisonService } from '../jobs/comparison-job.ts'
import { conversionErrors, conversionRunner, createConversionService } from '../jobs/conversion-job.ts'
import { createEvaluationService, evaluationErrors, evaluationRunner } from '../jobs/evaluation-job.ts'
import { createExportService, exportRunner, exportStartErrors } from '../jobs/export-job.ts'
import { searchBooks } from '../jobs/external/search-books.ts'
import type { JobCommands } from '../jobs/job-commands.ts'
import type { RunnableJobTypes } from '../jobs/job-runner.ts'
import { createMergeService, mergeErrors, mergeRunner } from '../jobs/merge-job.ts'
import { createRecipeReader, recipeErrors } from '../jobs/recipe-reader.ts'
import { searchRunner } from '../jobs/search-job.ts'
import { createSearchService, searchErrors } from '../jobs/search-service.ts'
import { untilAvailable } from '../jobs/until-available.ts'
import type { Engine } from './engine.ts'
import type { Helping } from './helping.ts'
import type { HttpServer } from './http-server.ts'
import type { Storage } from './storage.ts'
import type { RecordStores } from './stores.ts'

/** The job types: the runner of each, and the route with which clients start one. */
export type JobTypes = RunnableJobTypes & {
  [Type in JobType]: { route(app: HttpServer, starting: JobStart & { commands: JobCommands }): Promise<void> }
}

/** Returns the registry of job types. @param clock milliseconds since 1970 */
export function createJobTypes(
  { evaluation, maximumModels }: Config,
  { catalog, contentFiles }: Storage,
  { models, datasets, exports, scores: kept }: RecordStores,
  { threads, evaluators }: Engine,
  { scoring, runs: { counting }, spread }: Helping,
  clock: () => number,
): JobTypes {
  const stores = { models, datasets }
  const evaluationThreads = evaluation.threads
  const merger = { ...stores, contentFiles, threads, evaluators, kept, evaluationThreads }
  return {
    merge: {
      runner: counting(untilAvailable(mergeRunner(merger))),
      async route(app, starting) {
        const merges = createMergeService(stores, threads, starting.commands, maximumModels)
        const operation = { ...mergeOperation, consumes: recipeMediaTypes }
        const codes = [...recipeErrors.yaml, ...recipeErrors.mergeRequest, ...mergeErrors.start]
        await app.register(recipeBodies, { recipes: createRecipeReader(models, threads) })
        app.post('/v1/merges', startOptions(operation, mergeJob, ...codes), (request, reply) =>
          startJob(request, reply, starting, keep => merges.start(request.body, keep)),
        )
      },
    },
    comparison: {
      runner: counting(untilAvailable(comparisonRunner(models, threads))),
      async route(app, starting) {
        const comparisons = createComparisonService(models, starting.commands, maximumModels)
        const options = startOptions(comparisonOperation, comparisonJob, ...comparisonErrors.start)
        app.post('/v1/comparisons', options, (request, reply) =>
          startJob(request, reply, starting, keep => comparisons.start(request.body, keep)),
        )
      },
    },
    evaluation: {
      runner: counting(untilAvailable(evaluationRunner(stores, kept, evaluators, evaluationThreads))),
      async route(app, starting) {
        const evaluations = createEvaluationService(stores, starting.commands)
        const options = startOptions(evaluationOperation, evaluationJob, ...evaluationErrors.start)
        app.post('/v1/evaluations', options, (request, reply) =>
          startJob(request, reply, starting, keep => evaluations.start(request.body, keep)),
        )
      },
    },
    export: {
      runner: counting(untilAvailable(exportRunner(models, exports, threads))),
      async route(app, starting) {
        const service = createExportService(models, starting.commands)
        app.post(
          '/v1/exports',
          startOptions(exportOperation, exportJob, ...exportStartErrors.start),
          (request, reply) => startJob(request, reply, starting, keep => service.start(request.body, keep)),
        )
      },
    },
    conversion: {
      runner: counting(untilAvailable(conversionRunner({ models, exports, contentFiles, threads }))),
      async route(app, starting) {
        const conversions = createConversionService({ models, exports }, starting.commands)
        const options = startOptions(conversionOperation, conversionJob, ...conversionErrors.start)
        const schema = { ...options.schema, params: idParameter }
        app.post('/v1/exports/:id/models', { schema }, (request, reply) =>
          startJob(request, reply, starting, keep =>
            conversions.start({ ...request.body, export: request.params.id }, keep),
          ),
        )
      },
    },
    search: {
      runner: counting(
        untilAvailable(
          searchRunner({ stores, merger, kept, scoring, spread, booksOf: jobId => searchBooks(catalog, jobId, clock) }),
        ),
      ),
      async route(app, starting) {
        const searches = createSearchService(stores, threads, starting.commands, maximumModels)
        const options = startOptions(searchOperation, searchJob, ...searchErrors.start)
        app.post('/v1/searches', options, (request, reply) =>
          startJob(request, reply, starting, keep => searches.start(request.body, keep)),
        )
      },
    },
  }
}
