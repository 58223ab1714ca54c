import type { RecordChange } from '../../schemas/common.ts'
import type { ModelItem, ModelRecord } from '../../schemas/model.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import type { Contents } from '../storage/contents.ts'
import type { Catalog } from '../storage/database.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { createDataUploads, type DataUploads } from './data-uploads.ts'
import { createWithInline, type WithInline } from './inline-model.ts'
import { modelsWithoutFingerprint, setInspected } from './inspections.ts'
import { createModelFiles, type StoredModelFiles } from './model-files.ts'
import { createModelQueries, type ModelQueries } from './model-queries.ts'
import { modelRecords } from './model-records.ts'
import { createModelUploads, type ModelUploads } from './model-uploads.ts'
import { removeModel } from './remove-model.ts'

/**
 * The stored models: records in the catalog that refer to content. An acknowledged upload is on disk; a refused upload leaves nothing.
 */
export type ModelStore = ModelQueries &
  StoredModelFiles &
  ModelUploads &
  DataUploads & {
    withInline: WithInline
    /**
     * Changes the name and labels of a model.
     * @param allow called with the record just before its change; it may throw to prevent that
     * @returns the changed record
     * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE`; `TUREEN_REQUEST_INVALID` for too many labels
     */
    change(reference: string, change: RecordChange, allow: (model: ModelRecord) => void): Promise<ModelRecord>
    /**
     * Deletes a model, with the scores that nobody can use any more.
     * @param allow called with the record just before its deletion; it may throw to prevent that
     * @throws TureenError `TUREEN_IN_USE` while a job that has not ended needs it
     */
    remove(reference: string, allow: (model: ModelItem) => void): Promise<void>
    /**
     * Inspects complete models without a fingerprint again, one after the other, and updates their records. It ends when `signal` fires.
     * @param onError called for each model that cannot be read
     */
    renewFingerprints(signal: AbortSignal, onError: (error: unknown) => void): Promise<void>
  }

export function createModelStore(
  catalog: Catalog,
  contentFiles: ContentFiles,
  contents: Contents,
  threads: ThreadPool,
): ModelStore {
  const files = createModelFiles(catalog, contents)
  return {
    ...files,
    ...createModelQueries(catalog, threads, files),
    ...createModelUploads(catalog, contentFiles, contents, threads),
    ...createDataUploads(catalog, contentFiles, contents, threads, files),
    withInline: createWithInline(contentFiles, threads, files),
    change: (reference, change, allow) =>
      catalog.transaction().execute(transaction => modelRecords.change(transaction, reference, change, allow)),
    remove: (reference, allow) =>
      contents.release(() => catalog.transaction().execute(transaction => removeModel(transaction, reference, allow))),
    async renewFingerprints(signal, onError) {
      for await (const model of modelsWithoutFingerprint(catalog)) {
        if (signal.aborted) return
        try {
          const there = files.paths(model)
          const inspect = () => threads.inspect(there)
          await setInspected(catalog, model.id, await files.blamingDamage([{ label: model.id, ...there }], inspect))
        } catch (error) {
          // The end of the threads ends an inspection.
          if (!signal.aborted) onError(error)
        }
      }
    },
  }
}
