import pLimit from 'p-limit'
import type { ModelRecord } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import type { TensorDescription } from '../onnx/skeleton.ts'
import type { Artifacts, ReceivedFile } from '../storage/artifacts.ts'
import type { Catalog } from '../storage/database.ts'
import type { Labels } from '../storage/labels.ts'
import { decodeCursor, encodeCursor, type Page } from '../storage/paging.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import * as records from './model-records.ts'

export type NewUpload = { name: string | null; labels: Labels }

/**
 * The models that are kept: records in the catalog, each pointing to content that is stored once.
 * What is acknowledged is on the disk; what is refused leaves nothing.
 */
export type ModelStore = {
  /** Takes a received file in, checked to be a model. `created` is false if the same bytes stood there under this name and labels. */
  add(file: ReceivedFile, upload: NewUpload): Promise<{ model: ModelRecord; created: boolean }>
  /**
   * Publishes a merged file, then runs `commit`, which is to insert its record, before anything can remove the content again.
   */
  addMerged<Result>(file: ReceivedFile, commit: (insert: InsertMerged) => Promise<Result>): Promise<Result>
  /** @throws TureenError `TUREEN_NOT_FOUND` naming `field`, where the reference stood in a request */
  get(reference: string, field?: string): Promise<ModelRecord>
  /** As {@link ModelStore.get}, for use. @throws TureenError `TUREEN_MODEL_INCOMPLETE` besides */
  getComplete(reference: string, field: string): Promise<ModelRecord>
  list(filters: records.ModelFilters): Promise<Page<ModelRecord>>
  tensors(reference: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<TensorDescription>>
  recipe(reference: string): Promise<RecipeDocument>
  /** @throws TureenError `TUREEN_MODEL_IN_USE` while a job needs it */
  remove(reference: string): Promise<void>
  contentPath(sha256: string): string
}

export type InsertMerged = (
  catalog: Catalog,
  model: { name: string | null; labels: Labels; recipe: RecipeDocument },
) => Promise<string>

export function createModelStore(catalog: Catalog, artifacts: Artifacts, threads: ThreadPool): ModelStore {
  // Content and its row appear and vanish together: one publication or removal at a time.
  const exclusive = pLimit(1)

  const get: ModelStore['get'] = async (reference, field) => {
    const id = await records.resolveModel(catalog, reference)
    const model = id === undefined ? undefined : await records.modelById(catalog, id)
    if (model) return model
    const message = `there is no model ${reference}`
    throw new TureenError(
      'TUREEN_NOT_FOUND',
      `In this store ${message}; upload it first, or list the models with GET /v1/models.`,
      [{ model: reference, ...(field === undefined ? {} : { field }), message }],
    )
  }

  // What was published for a record that then failed to come about goes again.
  const discardIfUnused = async (sha256: string) => {
    if (!(await records.hasContent(catalog, sha256))) await artifacts.discard(artifacts.path(sha256))
  }

  return {
    get,
    async add(file, upload) {
      try {
        const inspected = await threads.inspect(file.path)
        const model = { ...upload, sha256: file.sha256, recipe: null }
        return await exclusive(async () => {
          const same = await records.sameModel(catalog, model)
          if (same) return { model: same, created: false }
          try {
            await artifacts.publish(file.path, file.sha256)
            const id = await catalog.transaction().execute(async transaction => {
              await records.insertContent(transaction, file.sha256, inspected)
              return records.insertModel(transaction, model)
            })
            return { model: await get(id), created: true }
          } finally {
            await discardIfUnused(file.sha256)
          }
        })
      } finally {
        await artifacts.discard(file.path)
      }
    },
    async addMerged(file, commit) {
      const inspected = await threads.inspect(file.path)
      return exclusive(async () => {
        try {
          await artifacts.publish(file.path, file.sha256)
          return await commit(async (transaction, { name, labels, recipe }) => {
            await records.insertContent(transaction, file.sha256, inspected)
            return records.insertModel(transaction, { sha256: file.sha256, name, labels, recipe })
          })
        } finally {
          await discardIfUnused(file.sha256)
        }
      })
    },
    async getComplete(reference, field) {
      const model = await get(reference, field)
      requireComplete(reference, model.missing)
      return model
    },
    list: filters => records.listModels(catalog, filters),
    async tensors(reference, { limit, cursor }) {
      const { sha256 } = await get(reference)
      const from = cursor === undefined ? 0 : Number(decodeCursor(cursor)) || 0
      const { total, tensors } = await threads.tensors(artifacts.path(sha256), from, limit)
      return { items: tensors, nextCursor: from + limit < total ? encodeCursor(String(from + limit)) : null }
    },
    async recipe(reference) {
      const { id } = await get(reference)
      const recipe = await records.recipeOf(catalog, id)
      if (recipe) return recipe
      const message = 'was uploaded, not made here, so that it has no recipe'
      throw new TureenError('TUREEN_NOT_FOUND', `The model ${reference} ${message}.`, [{ model: reference, message }])
    },
    async remove(reference) {
      const model = await get(reference)
      await exclusive(async () => {
        const unused = await catalog.transaction().execute(async transaction => {
          const jobs = await records.unfinishedJobsUsing(transaction, model.id)
          if (jobs.length > 0) {
            const message = `is used by the job${jobs.length > 1 ? 's' : ''} ${jobs.join(', ')}`
            throw new TureenError(
              'TUREEN_MODEL_IN_USE',
              `The model ${reference} ${message}; wait for it or cancel it.`,
              [{ model: reference, message }],
            )
          }
          return records.deleteModel(transaction, model)
        })
        if (unused) await artifacts.discard(artifacts.path(unused))
      })
    },
    contentPath: artifacts.path,
  }
}

/** @throws TureenError `TUREEN_MODEL_INCOMPLETE` if a model's external data is not here */
export function requireComplete(label: string, missing: readonly string[]): void {
  if (missing.length === 0) return
  const message = `lacks its external data: ${missing.join(', ')}`
  throw new TureenError(
    'TUREEN_MODEL_INCOMPLETE',
    `The model ${label} ${message}. Save it with its weights inside the file (onnx.save(model, path, save_as_external_data=False)) and upload that.`,
    missing.map(location => ({ model: label, message: `the external data ${location} is missing` })),
  )
}
