import type { ExportRequest } from '../../schemas/export.ts'
import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import type { ExportStore } from '../exports/export-store.ts'
import { requireTrained } from '../models/checkpoint-refusals.ts'
import { modelErrors } from '../models/model-errors.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { KeepWith } from '../storage/database.ts'
import { expiryAfter } from '../storage/expiry.ts'
import type { MergeFile } from '../threads/open-inputs.ts'
import { threadErrors } from '../threads/thread-errors.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { JobCommands } from './job-commands.ts'
import { jobErrors } from './job-errors.ts'
import type { JobRunner } from './job-runner.ts'

/** Returns the runner of exports. It finds how the weights of a model follow from a checkpoint, and makes that a record. */
export function exportRunner(
  models: ModelStore,
  exports: Pick<ExportStore, 'insert'>,
  threads: Pick<ThreadPool, 'findExport'>,
): JobRunner<'export'> {
  return async (request, { signal, progress, succeed }) => {
    const { unmatched, name = null, labels, ttl } = request
    const { model, checkpoint } = await resolveExport(request, models)
    const files = {
      model: modelFileOf(request.model, model, models),
      checkpoint: modelFileOf(request.checkpoint, checkpoint, models),
    }
    const onProgress = (done: number, total: number) => progress({ done, total, message: 'bytes compared' })
    const found = await models.whileSound([files.model, files.checkpoint], signal, () =>
      threads.findExport({ ...files, unmatched }, { signal, onProgress }),
    )
    const { correspondence, ...shown } = found
    const description = { ...shown, model: namedOf(model), checkpoint: namedOf(checkpoint) }
    await succeed(async transaction => {
      const made = { description, correspondence, name, labels, expiresAt: expiryAfter(ttl) }
      return { export: await exports.insert(transaction, made) }
    })
  }
}

/** Returns the files of a model or checkpoint for worker threads. @param label the client's name for it */
export function modelFileOf(label: string, record: ModelRecord, models: Pick<ModelStore, 'paths'>): MergeFile {
  return { label, sha256: record.sha256, ...models.paths(record) }
}

/** Returns what results show of a model. */
export function namedOf({ id, name, sha256 }: ModelRecord): { id: string; name: string | null; sha256: string } {
  return { id, name, sha256 }
}

/** Finds a checkpoint. @throws TureenError as `getComplete` does; `TUREEN_REQUEST_INVALID` for a model with a graph */
export async function findCheckpoint(reference: string, models: Pick<ModelStore, 'getComplete'>): Promise<ModelRecord> {
  const record = await models.getComplete(reference, 'checkpoint', true)
  requireTrained(record, reference)
  return record
}

/** Finds the model and the checkpoint of an export. @throws TureenError as `getComplete` and {@link findCheckpoint} do */
async function resolveExport(
  { model, checkpoint }: ExportRequest,
  models: ModelStore,
): Promise<{ model: ModelRecord; checkpoint: ModelRecord }> {
  return { model: await models.getComplete(model, 'model'), checkpoint: await findCheckpoint(checkpoint, models) }
}

/** Starts the search for a correspondence. */
export type ExportService = { start(request: ExportRequest, keep?: KeepWith<JobRecord>): Promise<JobRecord> }

/** Error codes of {@link ExportService}, and those with which its jobs end. */
export const exportStartErrors = {
  start: [...modelErrors.getComplete, ...threadErrors.findExport, 'TUREEN_REQUEST_INVALID', ...jobErrors.create],
} as const satisfies Record<keyof ExportService, readonly ErrorCode[]>

/** Returns the service that starts exports. */
export function createExportService(models: ModelStore, jobs: JobCommands): ExportService {
  return {
    async start(request, keep) {
      const { model, checkpoint } = await resolveExport(request, models)
      const inputIds = [model.id, checkpoint.id]
      return jobs.create({ type: 'export', request, labels: request.labels, inputIds }, keep)
    },
  }
}
