import type { JobRecord } from '../../schemas/job.ts'
import type { MergeRequest } from '../../schemas/merge.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { linearSum } from '../merge/methods/linear.ts'
import { recipeDocument } from '../merge/provenance.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { Artifacts } from '../storage/artifacts.ts'
import type { MergeFile } from '../threads/merge-task.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { JobRunner, JobService } from './job-service.ts'

/** A merge request with its models found: the files, the settings, and the records' ids. */
export type ResolvedMerge = { files: MergeFile[]; settings: MergeSettings; modelIds: string[] }

/** @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE`, `TUREEN_WEIGHTS_INVALID` */
export async function resolveMerge(request: MergeRequest, models: ModelStore): Promise<ResolvedMerge> {
  const { method, normalize, nonFloat, provenance } = request
  linearSum(
    request.models.map(({ weight }) => weight),
    normalize,
  )
  const files: MergeFile[] = []
  const modelIds: string[] = []
  const find = async (label: string, weight: number | null, field: string) => {
    const { id, sha256 } = await models.getComplete(label, field)
    modelIds.push(id)
    return { label, weight, sha256, path: models.contentPath(sha256) }
  }
  for (const [index, { id, weight }] of request.models.entries())
    files.push(await find(id, weight, `models.${index}.id`))
  let base = 0
  if (request.base !== undefined) {
    const file = await find(request.base, null, 'base')
    base = files.findIndex(({ sha256 }) => sha256 === file.sha256)
    if (base < 0) base = files.push(file) - 1
  }
  return { files, settings: { method, normalize, nonFloat, provenance, base }, modelIds }
}

/** Runs merges: streams the result into an incoming file, then makes it a model of the store together with the job's end. */
export function mergeRunner(models: ModelStore, artifacts: Artifacts, threads: ThreadPool): JobRunner<'merge'> {
  return async (request, { signal, progress, succeed }) => {
    const started = performance.now()
    const { files, settings } = await resolveMerge(request, models)
    const output = artifacts.incomingPath()
    try {
      const { sha256, bytes, report } = await threads.merge(files, settings, {
        output,
        durable: true,
        signal,
        onProgress: (done, total) => progress({ done, total, message: 'bytes written' }),
      })
      const recipe = recipeDocument(files, settings)
      await models.addMerged({ path: output, sha256, bytes }, insert =>
        succeed(async transaction => {
          const id = await insert(transaction, { name: request.name ?? null, labels: request.labels, recipe })
          const seconds = (performance.now() - started) / 1000
          return { model: { id, sha256, bytes }, report: { ...report, seconds } }
        }),
      )
    } finally {
      await artifacts.discard(output)
    }
  }
}

/** Starts merges: refuses what cannot be merged before there is a job. */
export type MergeService = { start(request: MergeRequest): Promise<JobRecord> }

export function createMergeService(models: ModelStore, threads: ThreadPool, jobs: JobService): MergeService {
  return {
    async start(request) {
      const { files, settings, modelIds } = await resolveMerge(request, models)
      await threads.check(files, settings)
      return jobs.create({ type: 'merge', request, labels: request.labels, inputIds: modelIds })
    },
  }
}
