import type { ModelRecord } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'
import { requireComplete } from '../merge/incomplete.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import type { TensorDescription } from '../onnx/skeleton.ts'
import type { Artifacts, ReceivedFile } from '../storage/artifacts.ts'
import type { Contents } from '../storage/contents.ts'
import type { Catalog } from '../storage/database.ts'
import { refuseWhileInUse } from '../storage/job-inputs.ts'
import type { Labels } from '../storage/labels.ts'
import { decodeIndexCursor, encodeCursor, type Page } from '../storage/paging.ts'
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
  /** Publishes a merged file, then runs `commit`, which is to insert its record in the transaction of its choice. */
  addMerged<Result>(file: ReceivedFile, commit: (insert: InsertMerged) => Promise<Result>): Promise<Result>
  /** @throws TureenError `TUREEN_NOT_FOUND` naming `field`, where the reference stood in a request */
  get(reference: string, field?: string): Promise<ModelRecord>
  /** As {@link ModelStore.get}, for use. @throws TureenError `TUREEN_MODEL_INCOMPLETE` besides */
  getComplete(reference: string, field: string): Promise<ModelRecord>
  list(filters: records.ModelFilters): Promise<Page<ModelRecord>>
  tensors(reference: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<TensorDescription>>
  recipe(reference: string): Promise<RecipeDocument>
  /** @throws TureenError `TUREEN_IN_USE` while a job needs it */
  remove(reference: string): Promise<void>
  contentPath(sha256: string): string
}

export type InsertMerged = (catalog: Catalog, model: NewUpload & { recipe: RecipeDocument }) => Promise<string>

export function createModelStore(
  catalog: Catalog,
  artifacts: Artifacts,
  contents: Contents,
  threads: ThreadPool,
): ModelStore {
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

  return {
    get,
    async add(file, upload) {
      try {
        const model = { ...upload, sha256: file.sha256, inspected: await threads.inspect(file.path), recipe: null }
        return await contents.add([file], async () => {
          const same = await records.sameModel(catalog, model)
          if (same) return { model: same, created: false }
          const id = await catalog.transaction().execute(transaction => records.insertModel(transaction, model))
          return { model: await get(id), created: true }
        })
      } finally {
        await artifacts.discard(file.path)
      }
    },
    async addMerged(file, commit) {
      const inspected = await threads.inspect(file.path)
      return contents.add([file], () =>
        commit((transaction, model) => records.insertModel(transaction, { ...model, inspected, sha256: file.sha256 })),
      )
    },
    async getComplete(reference, field) {
      const model = await get(reference, field)
      requireComplete(reference, model.missing)
      return model
    },
    list: filters => records.listModels(catalog, filters),
    async tensors(reference, { limit, cursor }) {
      const { sha256 } = await get(reference)
      const from = cursor === undefined ? 0 : decodeIndexCursor(cursor)
      const { total, tensors } = await threads.tensors(contents.path(sha256), from, limit)
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
      const { id, sha256 } = await get(reference)
      await contents.release(() =>
        catalog.transaction().execute(async transaction => {
          await refuseWhileInUse(transaction, id, `The model ${reference}`, { model: reference })
          await records.deleteModel(transaction, id)
          return [sha256]
        }),
      )
    },
    contentPath: contents.path,
  }
}
