import type { ModelUpload } from '../../schemas/model.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import type { Contents } from '../storage/contents.ts'
import { type Catalog, type KeepWith, nothingBeside } from '../storage/database.ts'
import { inParallel } from '../storage/in-parallel.ts'
import type { ReceivedFile } from '../storage/received-file.ts'
import type { Labels } from '../storage/record-labels.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { copyModel, digestOfNew, insertModel } from './insert-model.ts'
import { inspectedModel } from './inspections.ts'
import { meantFiles } from './meant-files.ts'
import { modelRecords } from './model-records.ts'

/** The client's values for a new record. `expiresAt`: RFC 3339; null: never. */
export type NewUpload = { name: string | null; labels: Labels; expiresAt: string | null }

/** The client's values for an upload. `root`: place of the dict of tensors in a checkpoint of PyTorch; undefined for the usual one. */
export type SentUpload = NewUpload & { root?: string | undefined }

/** A received file of a model. `location`: the location of external data; empty for the model's own file. */
export type ReceivedData = ReceivedFile & { location: string }

/** The files of one model, its own first. */
export type ReceivedModel = readonly [ReceivedData, ...ReceivedData[]]

export type InsertMerged = (catalog: Catalog, model: NewUpload & { recipe: RecipeDocument }) => Promise<string>

/** New models. */
export type ModelUploads = {
  /**
   * Checks received files and stores them as a model. External data that it lacks may come later. `created` is false if a record with the
   * same bytes, name and labels exists; its expiry is extended if needed.
   */
  add(files: ReceivedModel, upload: SentUpload, keep?: KeepWith<ModelUpload>): Promise<ModelUpload>
  /**
   * Publishes merged files, then runs `commit`, which inserts their record in its own transaction.
   * @param base a model that differs from the files only in the values of weights, so that its inspection holds for them; null to inspect them.
   *   The soup of a checkpoint of PyTorch has another format, and is inspected
   */
  addMerged<Result>(
    files: readonly ReceivedData[],
    base: string | null,
    commit: (insert: InsertMerged) => Promise<Result>,
  ): Promise<Result>
  /** Inserts another record of a model's content, in a transaction of the caller. @returns the new id */
  copy(transaction: Catalog, id: string, upload: NewUpload): Promise<string>
}

export function createModelUploads(
  catalog: Catalog,
  contentFiles: ContentFiles,
  contents: Contents,
  threads: ThreadPool,
): ModelUploads {
  return {
    async add(received, { root, ...upload }, keep = nothingBeside) {
      try {
        const files = await meantFiles(received, threads)
        const [main, ...data] = files
        const inspected = await threads.inspect({ path: main.path, data, root })
        const model = { ...upload, files, inspected, recipe: null }
        const identity = { ...upload, sha256: digestOfNew(model) }
        return await contents.add(files, settle =>
          catalog.transaction().execute(async transaction => {
            await settle(transaction)
            const added = await modelRecords.addOnce(transaction, identity, () => insertModel(transaction, model))
            const outcome = { model: added.record, created: added.created }
            await keep(transaction, outcome)
            return outcome
          }),
        )
      } catch (error) {
        await inParallel(received, ({ path }) => contentFiles.discard(path))
        throw error
      }
    },
    async addMerged(files, base, commit) {
      const [own, ...data] = files
      if (!own) throw new RangeError('a model has at least one file')
      const known = base === null ? undefined : await inspectedModel(catalog, base)
      const inspected =
        known && known.checkpoint?.format !== 'torch'
          ? { ...known, bytes: own.bytes }
          : await threads.inspect({ path: own.path, data })
      return contents.add(files, settle =>
        commit(async (transaction, model) => {
          await settle(transaction)
          return insertModel(transaction, { ...model, inspected, files })
        }),
      )
    },
    copy: copyModel,
  }
}
