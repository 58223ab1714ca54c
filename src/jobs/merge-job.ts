import type { JobRecord } from '../../schemas/job.ts'
import type { MergeRequest } from '../../schemas/merge.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { methodSettings } from '../merge/method-settings.ts'
import { recipeDocument } from '../merge/provenance.ts'
import { modelDigest } from '../models/model-files.ts'
import type { ModelStore, NewUpload } from '../models/model-store.ts'
import type { Artifacts } from '../storage/artifacts.ts'
import type { Catalog, KeepWith } from '../storage/database.ts'
import { expiryAfter } from '../storage/expiry.ts'
import { bytesOf } from '../storage/model-paths.ts'
import type { MergeFile } from '../threads/merge-inputs.ts'
import type { MergedModel } from '../threads/merge-task.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { JobRunner, JobService } from './job-service.ts'

/** A merge request with its models found: the files, the settings, and the records' ids. */
export type ResolvedMerge = { files: MergeFile[]; settings: MergeSettings; modelIds: string[] }

/** @throws TureenError `TUREEN_REQUEST_INVALID`, `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE`, `TUREEN_WEIGHTS_INVALID` */
export async function resolveMerge(request: MergeRequest, models: ModelStore): Promise<ResolvedMerge> {
  const { nonFloat, provenance } = request
  const settings = methodSettings(request, {
    weights: request.models.map(({ weight }) => weight),
    hasBase: request.base !== undefined,
    fishers: request.models.filter(({ fisher }) => fisher !== undefined).length,
  })
  const files: MergeFile[] = []
  const modelIds: string[] = []
  const find = async (label: string, weight: MergeFile['weight'], field: string) => {
    const model = await models.getComplete(label, field)
    modelIds.push(model.id)
    return { label, weight, sha256: model.sha256, ...models.paths(model) }
  }
  for (const [index, { id, weight }] of request.models.entries())
    files.push(await find(id, weight, `models.${index}.id`))
  let base = 0
  if (request.base !== undefined) {
    const file = await find(request.base, null, 'base')
    base = files.findIndex(({ sha256 }) => sha256 === file.sha256)
    if (base < 0) base = files.push(file) - 1
  }
  for (const [fisherOf, { fisher }] of request.models.entries()) {
    if (fisher !== undefined) files.push({ ...(await find(fisher, null, `models.${fisherOf}.fisher`)), fisherOf })
  }
  return { files, settings: { ...settings, nonFloat, provenance, base }, modelIds }
}

/** Runs merges: streams the result into an incoming file, then makes it a model of the store together with the job's end. */
export function mergeRunner(merger: Merger): JobRunner<'merge'> {
  return async (request, { signal, progress, succeed }) => {
    const started = performance.now()
    const merge = await resolveMerge(request, merger.models)
    await merger.models.requireSound(merge.files, signal)
    const onProgress = (done: number, total: number) => progress({ done, total, message: 'bytes written' })
    await mergeIntoStore(merge, merger, { signal, onProgress }, ({ files, report }, insert) =>
      succeed(async transaction => {
        const { name = null, labels, ttl } = request
        const id = await insert(transaction, { name, labels, expiresAt: expiryAfter(ttl) })
        const sha256 = modelDigest(files)
        const bytes = report.bytesWritten
        const seconds = (performance.now() - started) / 1000
        return { model: { id, sha256, bytes }, report: { ...report, seconds } }
      }),
    )
  }
}

/** What merges work with. */
export type Merger = { models: ModelStore; artifacts: Artifacts; threads: ThreadPool }

type InsertResult = (transaction: Catalog, upload: NewUpload) => Promise<string>

/**
 * Merges into a file of the store, then runs `commit`, which is to insert the model's record in the transaction of its choice.
 * Whatever fails leaves nothing.
 */
export async function mergeIntoStore(
  { files, settings }: Pick<ResolvedMerge, 'files' | 'settings'>,
  { models, artifacts, threads }: Omit<Merger, 'threads'> & { threads: Pick<ThreadPool, 'merge'> },
  options: { signal: AbortSignal; onProgress(done: number, total: number): void },
  commit: (merged: MergedModel, insert: InsertResult) => Promise<void>,
): Promise<void> {
  const base = files[settings.base]
  if (!base) throw new RangeError('a merge without its base')
  await artifacts.withOutput(await bytesOf(base), async output => {
    const merged = await threads.merge(files, settings, { ...options, output, durable: true })
    const recipe = recipeDocument(files, settings)
    await models.addMerged(merged.files, insert =>
      commit(merged, (transaction, upload) => insert(transaction, { ...upload, recipe })),
    )
  })
}

/** Starts merges: refuses what cannot be merged before there is a job. */
export type MergeService = { start(request: MergeRequest, keep?: KeepWith<JobRecord>): Promise<JobRecord> }

export function createMergeService(models: ModelStore, threads: ThreadPool, jobs: JobService): MergeService {
  return {
    async start(request, keep) {
      const { files, settings, modelIds } = await resolveMerge(request, models)
      await models.blamingDamage(files, () => threads.check(files, settings))
      return jobs.create({ type: 'merge', request, labels: request.labels, inputIds: modelIds }, keep)
    },
  }
}
