import type { NamedModel } from '../../schemas/common.ts'
import { type ComparisonBody, type ComparisonRequest, maximumCompared } from '../../schemas/comparison.ts'
import type { JobRecord } from '../../schemas/job.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { requireOneKind } from '../merge/one-kind.ts'
import { modelErrors } from '../models/model-errors.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { KeepWith } from '../storage/database.ts'
import type { MergeFile } from '../threads/open-inputs.ts'
import { textOf } from '../threads/text-pieces.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { JobCommands } from './job-commands.ts'
import { jobErrors } from './job-errors.ts'
import { ResultText } from './job-results.ts'
import type { JobRunner } from './job-runner.ts'
import { selectionErrors, selectModels } from './select-models.ts'

/**
 * Returns the runner of comparisons. It compares models pair by pair: differences that prevent a merge, warnings, and distances of weights.
 */
export function comparisonRunner(models: ModelStore, threads: ThreadPool): JobRunner<'comparison'> {
  return async (request, { signal, progress, succeed }) => {
    const { files, named } = await resolveComparison(request, models)
    const onProgress = (done: number, total: number) => progress({ done, total, message: 'bytes compared' })
    const pieces = await models.whileSound(files, signal, () =>
      threads.compare({ files, named, rules: request.rules }, { signal, onProgress }),
    )
    await succeed(async () => new ResultText(textOf(pieces)))
  }
}

/** Finds the models of a comparison. @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE` */
async function resolveComparison(
  { models: requested }: ComparisonRequest,
  models: ModelStore,
): Promise<{ files: MergeFile[]; named: NamedModel[] }> {
  const records = []
  for (const [index, { id }] of requested.entries())
    records.push(await models.getComplete(id, `models.${index}.id`, true))
  requireOneKind(records.map(({ id, kind }) => ({ label: id, isCheckpoint: kind === 'checkpoint' })))
  const files = records.map((record, index): MergeFile => {
    return { label: requested[index]?.id ?? record.id, sha256: record.sha256, ...models.paths(record) }
  })
  return { files, named: records.map(({ id, name, sha256 }) => ({ id, name, sha256 })) }
}

export type ComparisonService = { start(body: ComparisonBody, keep?: KeepWith<JobRecord>): Promise<JobRecord> }

/** Error codes of {@link ComparisonService}. */
export const comparisonErrors = {
  start: [...selectionErrors, ...modelErrors.getComplete, ...jobErrors.create],
} as const satisfies Record<keyof ComparisonService, readonly ErrorCode[]>

/** Returns the service that starts comparisons. @param maximumModels most models, if that is less than {@link maximumCompared} */
export function createComparisonService(
  models: ModelStore,
  jobs: JobCommands,
  maximumModels: number,
): ComparisonService {
  const limits = { minimum: 2, maximum: Math.min(maximumModels, maximumCompared) }
  return {
    async start({ models: wanted, ...rest }, keep) {
      const selected = Array.isArray(wanted) ? wanted : (await selectModels(wanted, limits, models)).map(id => ({ id }))
      const request: ComparisonRequest = { ...rest, models: selected }
      const { named } = await resolveComparison(request, models)
      return jobs.create(
        { type: 'comparison', request, labels: request.labels, inputIds: named.map(({ id }) => id) },
        keep,
      )
    },
  }
}
