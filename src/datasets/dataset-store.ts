import type { RecordChange } from '../../schemas/common.ts'
import type { DatasetItem, DatasetRecord, DatasetUpload } from '../../schemas/dataset.ts'
import type { DatasetFile } from '../evaluate/datasets/dataset.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import { whileSound } from '../storage/content-damage.ts'
import type { Contents } from '../storage/contents.ts'
import { type Catalog, type KeepWith, nothingBeside } from '../storage/database.ts'
import type { Page } from '../storage/paging.ts'
import type { ReceivedFile } from '../storage/received-file.ts'
import type { Labels } from '../storage/record-labels.ts'
import type { RecordFilters } from '../storage/records/record-filters.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { datasetDigest, datasetRecords, insertDataset } from './dataset-records.ts'

/** A received file with its uploaded file name. */
export type NamedFile = ReceivedFile & { name: string }

/** The stored data sets. An acknowledged upload is on disk; a refused upload leaves nothing. */
export type DatasetStore = {
  /**
   * Checks received files and stores them as a data set. `created` is false if a record with the same content, name and labels exists; its
   * expiry is extended if needed.
   */
  add(
    files: readonly NamedFile[],
    upload: { name: string | null; labels: Labels; expiresAt: string | null },
    keep?: KeepWith<DatasetUpload>,
  ): Promise<DatasetUpload>
  /**
   * Returns a data set.
   * @param field the field of the request with the reference.
   * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE`
   */
  get(reference: string, field?: string): Promise<DatasetRecord>
  /** Returns a data set for display, even if its record is damaged. @throws TureenError `TUREEN_NOT_FOUND` */
  read(reference: string): Promise<DatasetItem>
  list(filters: RecordFilters): Promise<Page<DatasetItem>>
  /**
   * Changes the name and labels of a data set.
   * @param allow called with the record just before its change; it may throw to prevent that
   * @returns the changed record
   * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE`; `TUREEN_REQUEST_INVALID` for too many labels
   */
  change(reference: string, change: RecordChange, allow: (dataset: DatasetRecord) => void): Promise<DatasetRecord>
  /**
   * Deletes a data set.
   * @param allow called with the record just before its deletion; it may throw to prevent that
   * @throws TureenError `TUREEN_IN_USE` while a job that has not ended needs it
   */
  remove(reference: string, allow: (dataset: DatasetItem) => void): Promise<void>
  /** Returns the files of a data set, with the paths at which they lie while they are leased. */
  files(dataset: DatasetRecord): DatasetFile[]
  /**
   * Leases the files of a data set and checks them, while `run` reads them.
   * @throws TureenError `TUREEN_CONTENT_DAMAGED` if a file is damaged
   */
  whileSound<Result>(
    dataset: { id: string; files: readonly DatasetFile[] },
    signal: AbortSignal,
    run: () => Promise<Result>,
  ): Promise<Result>
}

/** Returns the data sets of a store. @param onAdded called after each upload, also if the data set was known */
export function createDatasetStore(
  catalog: Catalog,
  contentFiles: Pick<ContentFiles, 'discard'>,
  contents: Contents,
  threads: Pick<ThreadPool, 'dataset'>,
  onAdded: () => void,
): DatasetStore {
  return {
    get: (reference, field) => datasetRecords.usable(catalog, reference, field),
    read: reference => datasetRecords.find(catalog, reference),
    async add(files, upload, keep = nothingBeside) {
      try {
        const description = await threads.dataset(files.map(({ name, path }) => ({ name, path })))
        const stored = files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes }))
        const dataset = { ...upload, description, files: stored, sha256: datasetDigest(stored) }
        const added = await contents.add(files, settle =>
          catalog.transaction().execute(async transaction => {
            await settle(transaction)
            const added = await datasetRecords.addOnce(transaction, dataset, () => insertDataset(transaction, dataset))
            const outcome = { dataset: added.record, created: added.created }
            await keep(transaction, outcome)
            return outcome
          }),
        )
        onAdded()
        return added
      } finally {
        for (const { path } of files) await contentFiles.discard(path)
      }
    },
    list: filters => datasetRecords.list(catalog, filters),
    change: (reference, change, allow) =>
      catalog.transaction().execute(transaction => datasetRecords.change(transaction, reference, change, allow)),
    remove: (reference, allow) =>
      contents.release(() =>
        catalog.transaction().execute(transaction => datasetRecords.remove(transaction, reference, allow)),
      ),
    whileSound: ({ id, files }, signal, run) =>
      whileSound(
        contents,
        files.map(({ name, path }) => ({
          path,
          what: `the file ${name} of the data set ${id}`,
          place: { dataset: id, location: name },
        })),
        signal,
        run,
      ),
    files: ({ files }) => files.map(({ name, sha256 }) => ({ name, path: contents.path(sha256) })),
  }
}
