import type { NamedModel } from '../../schemas/common.ts'
import type { JobProgress, JobRecord } from '../../schemas/job.ts'
import type { MergeBody, MergeRequest } from '../../schemas/merge.ts'
import type { RecalibrationReport } from '../../schemas/recalibration.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { filesOf, type MergeInputs, mergeInputs } from '../merge/merge-inputs.ts'
import { methodSettings } from '../merge/method-settings.ts'
import { recipeDocument } from '../merge/provenance.ts'
import { modelDigest } from '../models/model-digest.ts'
import { modelErrors } from '../models/model-errors.ts'
import type { NewUpload } from '../models/model-uploads.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import type { Catalog, KeepWith } from '../storage/database.ts'
import { expiryAfter } from '../storage/expiry.ts'
import { bytesOf } from '../storage/model-paths.ts'
import type { MergedModel, WrittenFile } from '../threads/merge-task.ts'
import type { MergeFile } from '../threads/open-inputs.ts'
import { threadErrors } from '../threads/thread-errors.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { findInputs } from './find-inputs.ts'
import type { JobCommands } from './job-commands.ts'
import { jobErrors } from './job-errors.ts'
import type { JobRunner } from './job-runner.ts'
import {
  type Recalibration,
  type Recalibrator,
  readingCalibration,
  recalibrate,
  resolveRecalibration,
} from './recalibration.ts'
import type { Stores } from './resolve-evaluation.ts'
import { scoringErrors } from './resolve-scoring.ts'
import { selectionErrors, selectModels } from './select-models.ts'

/** A merge request whose models have been found. `inputIds`: IDs of all records that it names. */
export type ResolvedMerge = {
  inputs: MergeInputs<MergeFile>
  settings: MergeSettings
  recalibration: Recalibration | null
  inputIds: string[]
  /** The models of the request, in its order. */
  models: NamedModel[]
}

/**
 * Finds the models of a merge request, and completes its settings.
 * @throws TureenError `TUREEN_REQUEST_INVALID`, `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE`, `TUREEN_WEIGHTS_INVALID`,
 *   `TUREEN_DATASET_MISMATCH`
 */
export async function resolveMerge(request: MergeRequest, stores: Stores): Promise<ResolvedMerge> {
  const { nonFloat, outputDtype, onNonFinite, provenance, blocks, notes } = request
  const settings = methodSettings(request, {
    weights: request.models.map(({ weight }) => weight),
    hasBase: request.base !== undefined,
    fishers: request.models.filter(({ fisher }) => fisher !== undefined).length,
  })
  // Statistics are measured by running the soup, which takes a graph.
  const found = await findInputs(request, stores.models, request.recalibrate === undefined)
  const { models, base, companions } = found.inputs
  const inputs = mergeInputs(models, base, companions)
  const resolved = {
    ...settings,
    nonFloat,
    ...(outputDtype ? { outputDtype } : {}),
    onNonFinite,
    provenance,
    ...(blocks === undefined ? {} : { blocks }),
    ...(notes ? { notes } : {}),
  }
  const { inputIds } = found
  const named = found.models.map(({ id, name, sha256 }) => ({ id, name, sha256 }))
  const bound = found.base ?? found.models[0]
  if (!request.recalibrate || !bound)
    return { inputs, settings: resolved, recalibration: null, inputIds, models: named }
  const recalibration = await resolveRecalibration(request.recalibrate, bound, stores)
  return {
    inputs,
    settings: { ...resolved, recalibrate: recalibration.recipe },
    recalibration,
    inputIds: [...inputIds, ...recalibration.inputIds],
    models: named,
  }
}

/** Returns the runner of merges. It writes the soup to an unfinished file. Then one transaction makes it a model and ends the job. */
export function mergeRunner(merger: Merger): JobRunner<'merge'> {
  return async (request, { id: jobId, signal, progress, succeed }) => {
    const started = performance.now()
    const merge = await resolveMerge(request, merger)
    const work = () =>
      mergeIntoStore(merge, merger, { jobId, signal, progress }, ({ files, report }, insert) =>
        succeed(async transaction => {
          const { name = null, labels, ttl } = request
          const id = await insert(transaction, { name, labels, expiresAt: expiryAfter(ttl) })
          const sha256 = modelDigest(files)
          const bytes = report.bytesWritten
          const seconds = (performance.now() - started) / 1000
          return { model: { id, name, sha256, bytes }, models: merge.models, report: { ...report, seconds } }
        }),
      )
    await merger.models.whileSound(filesOf(merge.inputs), signal, () =>
      readingCalibration(merge.recalibration, merger, signal, work),
    )
  }
}

/** The services that merges need. */
export type Merger = Stores &
  Recalibrator & { contentFiles: ContentFiles; threads: Pick<ThreadPool, 'merge' | 'rewrite'> }

/** The files and the report of a merge. */
export type StoredMerge = {
  files: WrittenFile[]
  report: MergedModel['report'] & { recalibration?: RecalibrationReport }
}

type InsertResult = (transaction: Catalog, upload: NewUpload) => Promise<string>

/**
 * Merges models into the store, and measures the statistics of batch norms if the request asks for it. Then it runs `commit`, which inserts
 * the record of the soup in its own transaction. A failure leaves nothing behind.
 */
export async function mergeIntoStore(
  { inputs, settings, recalibration }: Omit<ResolvedMerge, 'inputIds' | 'models'>,
  merger: Merger,
  { jobId, signal, progress }: { jobId: string; signal: AbortSignal; progress(progress: JobProgress): void },
  commit: (merged: StoredMerge, insert: InsertResult) => Promise<void>,
): Promise<void> {
  const { models, contentFiles, threads } = merger
  // Most models are float32, so float64 is the only output type that makes the soup larger.
  const bytes = (await bytesOf(inputs.base)) * (settings.outputDtype === 'float64' ? 2 : 1)
  const telling = (message: string) => (done: number, total: number) => progress({ done, total, message })
  const store = (merged: StoredMerge) => {
    const recipe = recipeDocument(inputs, settings)
    return models.addMerged(merged.files, settings.outputDtype ? null : inputs.base.label, insert =>
      commit(merged, (transaction, upload) => insert(transaction, { ...upload, recipe })),
    )
  }
  await contentFiles.withOutput(bytes, async output => {
    const merging = { inputs, settings, output, durable: recalibration === null }
    const merged = await threads.merge(merging, { signal, onProgress: telling('bytes written') })
    if (!recalibration) return store(merged)
    await contentFiles.withOutput(bytes, async output => {
      const measuring = { jobId, signal, output, onProgress: telling('samples measured') }
      const { files, report } = await recalibrate(merged.files, recalibration, merger, measuring)
      await store({ files, report: { ...merged.report, recalibration: report } })
    })
  })
}

/** Starts merges. It checks the models, then creates the job. */
export type MergeService = { start(body: MergeBody, keep?: KeepWith<JobRecord>): Promise<JobRecord> }

/** Error codes of {@link MergeService}. */
export const mergeErrors = {
  start: [
    ...selectionErrors,
    ...modelErrors.getComplete,
    ...scoringErrors,
    ...threadErrors.check,
    ...modelErrors.blamingDamage,
    ...jobErrors.create,
  ],
} as const satisfies Record<keyof MergeService, readonly ErrorCode[]>

/** Returns the service that starts merges. @param maximumModels most models in one merge */
export function createMergeService(
  stores: Stores,
  threads: ThreadPool,
  jobs: JobCommands,
  maximumModels: number,
): MergeService {
  return {
    async start({ models, ...rest }, keep) {
      const selected = Array.isArray(models)
        ? models
        : (await selectModels(models, { minimum: 1, maximum: maximumModels }, stores.models)).map(id => ({
            id,
            weight: 1,
          }))
      const request: MergeRequest = { ...rest, models: selected }
      const { inputs, settings, inputIds } = await resolveMerge(request, stores)
      await stores.models.blamingDamage(filesOf(inputs), () => threads.check({ inputs, settings }))
      return jobs.create({ type: 'merge', request, labels: request.labels, inputIds }, keep)
    },
  }
}
