import type { StoredRecipe } from '../../schemas/merge.ts'
import type { ModelItem, ModelRecord, TensorSummary } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'
import { requireComplete } from '../merge/incomplete.ts'
import type { Catalog } from '../storage/database.ts'
import { decodeIndexCursor, encodeCursor, type Page } from '../storage/paging.ts'
import type { Labels } from '../storage/record-labels.ts'
import type { RecordFilters } from '../storage/records/record-filters.ts'
import { readOr, unreadableRecord } from '../storage/unreadable.ts'
import type { ListedTensor } from '../threads/inspect-task.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { withoutGraph } from './checkpoint-refusals.ts'
import { type StoredModelFiles, unending } from './model-files.ts'
import { modelRecords, recipeIn } from './model-records.ts'

/** Questions about stored models. */
export type ModelQueries = {
  /**
   * Returns a model.
   * @param field the field of the request with the reference.
   * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE`
   */
  get(reference: string, field?: string): Promise<ModelRecord>
  /** Returns a model for display, even if its record is damaged. @throws TureenError `TUREEN_NOT_FOUND` */
  read(reference: string): Promise<ModelItem>
  /**
   * Returns a model that has all of its external data.
   * @param takesCheckpoints true if a checkpoint can stand there
   * @throws TureenError as {@link ModelQueries.get}, and `TUREEN_MODEL_INCOMPLETE`, `TUREEN_CHECKPOINT_UNSUITABLE`
   */
  getComplete(reference: string, field: string, takesCheckpoints?: boolean): Promise<ModelRecord>
  /** Returns the ids of the models that have all of the labels, oldest first, at most `limit`. */
  labelled(labels: Labels, limit: number): Promise<string[]>
  list(filters: RecordFilters): Promise<Page<ModelItem>>
  tensors(reference: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<ListedTensor>>
  /**
   * Summarizes one tensor of a model: its name, or its place if the name is empty or that of several.
   * @param signal ends the work at once
   * @throws TureenError `TUREEN_NOT_FOUND` without such a tensor, `TUREEN_REQUEST_INVALID` if several have the name or elements are no numbers
   */
  tensorSummary(reference: string, tensor: string, signal: AbortSignal): Promise<TensorSummary>
  recipe(reference: string): Promise<StoredRecipe>
}

export function createModelQueries(
  catalog: Catalog,
  threads: ThreadPool,
  { paths, whileSound }: StoredModelFiles,
): ModelQueries {
  const get: ModelQueries['get'] = (reference, field) => modelRecords.usable(catalog, reference, field)
  return {
    get,
    read: reference => modelRecords.find(catalog, reference),
    async getComplete(reference, field, takesCheckpoints = false) {
      const model = await get(reference, field)
      if (model.kind === 'checkpoint' && !takesCheckpoints) throw withoutGraph(reference, field)
      requireComplete(reference, model.missing)
      return model
    },
    labelled: (labels, limit) => modelRecords.labelled(catalog, labels, limit),
    list: filters => modelRecords.list(catalog, filters),
    async tensors(reference, { limit, cursor }) {
      const record = await get(reference)
      // Only the shards of a checkpoint say what its tensors are. A model says it in its own file.
      const isSharded = record.checkpoint?.format === 'safetensors-index'
      const files = isSharded ? paths(record) : { ...paths(record), data: [] }
      const from = cursor === undefined ? 0 : decodeIndexCursor(cursor)
      const { total, tensors } = await whileSound([{ label: reference, ...files }], unending, () =>
        threads.tensors({ ...files, from, limit }),
      )
      const next = from + tensors.length
      return { items: tensors, nextCursor: next < total ? encodeCursor(String(next)) : null }
    },
    async tensorSummary(reference, tensor, signal) {
      const files = paths(await get(reference))
      return whileSound([{ label: reference, ...files }], signal, () =>
        threads.summarize({ ...files, label: reference, tensor }, signal),
      )
    },
    async recipe(reference) {
      const { id } = await get(reference)
      const recipe = await recipeOf(catalog, id)
      if (recipe) return recipe
      const message = 'was uploaded, and so has no recipe; only soups have one'
      throw new TureenError('TUREEN_NOT_FOUND', `The model ${reference} ${message}.`, [{ model: reference, message }])
    },
  }
}

async function recipeOf(catalog: Catalog, id: string): Promise<StoredRecipe | undefined> {
  const row = await catalog.selectFrom('models').select('recipe').where('id', '=', id).executeTakeFirst()
  const text = row?.recipe
  if (!text) return undefined
  return readOr(
    () => recipeIn(text),
    reason => {
      throw unreadableRecord({ model: id }, reason)
    },
  )
}
