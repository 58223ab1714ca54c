import type { ConversionRequest } from '../../schemas/conversion.ts'
import type { ExportSummary } from '../../schemas/export.ts'
import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { exportErrors } from '../exports/export-errors.ts'
import type { ExportStore } from '../exports/export-store.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import { modelDigest } from '../models/model-digest.ts'
import { modelErrors } from '../models/model-errors.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import type { KeepWith } from '../storage/database.ts'
import { expiryAfter } from '../storage/expiry.ts'
import { bytesOf } from '../storage/model-paths.ts'
import { threadErrors } from '../threads/thread-errors.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { findCheckpoint, modelFileOf, namedOf } from './export-job.ts'
import type { JobCommands } from './job-commands.ts'
import { jobErrors } from './job-errors.ts'
import type { JobRunner } from './job-runner.ts'

/** The services that conversions need. */
export type Converter = {
  models: ModelStore
  exports: Pick<ExportStore, 'get' | 'correspondence'>
  contentFiles: ContentFiles
  threads: Pick<ThreadPool, 'convert'>
}

/** Returns the runner of conversions. It writes the model to an unfinished file. Then one transaction makes it a model and ends the job. */
export function conversionRunner({ models, exports, contentFiles, threads }: Converter): JobRunner<'conversion'> {
  return async (request, { signal, progress, succeed }) => {
    const started = performance.now()
    const { name = null, labels, ttl, provenance } = request
    const { made, model, checkpoint } = await resolveConversion(request, { models, exports })
    const recipe = recipeOf(made, request, checkpoint)
    const files = {
      model: modelFileOf(made.model.id, model, models),
      checkpoint: modelFileOf(request.checkpoint, checkpoint, models),
    }
    const task = { ...files, correspondence: await exports.correspondence(made), recipe: provenance ? recipe : null }
    const onProgress = (done: number, total: number) => progress({ done, total, message: 'bytes written' })
    await models.whileSound([files.model, files.checkpoint], signal, async () =>
      contentFiles.withOutput(await bytesOf(files.model), async output => {
        const { files: written, isParted, report } = await threads.convert({ ...task, output }, { signal, onProgress })
        await models.addMerged(written, isParted ? null : model.id, insert =>
          succeed(async transaction => {
            const id = await insert(transaction, { name, labels, expiresAt: expiryAfter(ttl), recipe })
            const seconds = (performance.now() - started) / 1000
            return {
              model: { id, name, sha256: modelDigest(written), bytes: report.bytesWritten },
              export: { id: made.id, name: made.name, sha256: made.sha256 },
              checkpoint: namedOf(checkpoint),
              report: { ...report, seconds },
            }
          }),
        )
      }),
    )
  }
}

/** Returns the recipe of a conversion: its checkpoint as the only model, and the exported model as the base. */
function recipeOf(made: ExportSummary, { provenance }: ConversionRequest, checkpoint: ModelRecord): RecipeDocument {
  return {
    method: 'export',
    models: [{ id: checkpoint.sha256, weight: 1 }],
    base: made.model.sha256,
    nonFloat: 'base',
    provenance,
    export: made.sha256,
  }
}

/** An export, its model, and the checkpoint of which a model is made. */
type ResolvedConversion = { made: ExportSummary; model: ModelRecord; checkpoint: ModelRecord }

/** Finds the records of a conversion. @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE`, as `findCheckpoint` does */
async function resolveConversion(
  { export: reference, checkpoint }: ConversionRequest,
  { models, exports }: Pick<Converter, 'models' | 'exports'>,
): Promise<ResolvedConversion> {
  const made = await exports.get(reference, 'export')
  const model = await models.getComplete(made.model.id, 'export')
  return { made, model, checkpoint: await findCheckpoint(checkpoint, models) }
}

/** Starts conversions. */
export type ConversionService = { start(request: ConversionRequest, keep?: KeepWith<JobRecord>): Promise<JobRecord> }

/** Error codes of {@link ConversionService}, and those with which its jobs end. */
export const conversionErrors = {
  start: [
    ...exportErrors.get,
    ...modelErrors.getComplete,
    ...threadErrors.convert,
    'TUREEN_REQUEST_INVALID',
    ...jobErrors.create,
  ],
} as const satisfies Record<keyof ConversionService, readonly ErrorCode[]>

/** Returns the service that starts conversions. */
export function createConversionService(
  stores: Pick<Converter, 'models' | 'exports'>,
  jobs: JobCommands,
): ConversionService {
  return {
    async start(request, keep) {
      const { made, model, checkpoint } = await resolveConversion(request, stores)
      const inputIds = [made.id, model.id, checkpoint.id]
      return jobs.create({ type: 'conversion', request, labels: request.labels, inputIds }, keep)
    },
  }
}
