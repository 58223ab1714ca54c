import type { DatasetItem, DatasetRecord, DatasetUpload } from '../../schemas/dataset.ts'
import { TureenError } from '../errors.ts'
import type { DatasetFile } from '../evaluate/datasets/dataset.ts'
import { requireSound } from '../storage/content-damage.ts'
import type { ContentFiles } from '../storage/content-files.ts'
import type { Contents } from '../storage/contents.ts'
import { type Catalog, type KeepWith, nothingBeside } from '../storage/database.ts'
import { extendLife } from '../storage/expiry.ts'
import { refuseWhileInUse } from '../storage/job-inputs.ts'
import type { Page } from '../storage/paging.ts'
import type { ReceivedFile } from '../storage/received-file.ts'
import type { Labels } from '../storage/record-labels.ts'
import { requireReadable } from '../storage/unreadable.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import * as records from './dataset-records.ts'

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
  list(filters: records.DatasetFilters): Promise<Page<DatasetItem>>
  /**
   * Deletes a data set.
   * @param allow called with the record just before its deletion; it may throw to prevent that
   * @throws TureenError `TUREEN_IN_USE` while a queued or running job needs it
   */
  remove(reference: string, allow: (dataset: DatasetItem) => void): Promise<void>
  files(dataset: DatasetRecord): DatasetFile[]
  /** Checks the files of a data set; call it before they are read. @throws TureenError `TUREEN_CONTENT_DAMAGED` if a file is damaged */
  requireSound(dataset: { id: string; files: readonly DatasetFile[] }, signal: AbortSignal): Promise<void>
}

/** Returns the data sets of a store. @param onAdded called after each upload, also if the data set was known */
export function createDatasetStore(
  catalog: Catalog,
  contentFiles: ContentFiles,
  contents: Contents,
  threads: ThreadPool,
  onAdded: () => void,
): DatasetStore {
  const find = async (within: Catalog, reference: string, field?: string) => {
    const dataset = await records.resolveDataset(within, reference)
    if (dataset) return dataset
    const message = `there is no data set ${reference}`
    throw new TureenError(
      'TUREEN_NOT_FOUND',
      `In this store ${message}. Upload it first, or list the data sets with GET /v1/datasets.`,
      [{ dataset: reference, ...(field === undefined ? {} : { field }), message }],
    )
  }
  const usable = async (within: Catalog, reference: string, field?: string) =>
    requireReadable({ dataset: reference }, await find(within, reference, field))
  const get: DatasetStore['get'] = (reference, field) => usable(catalog, reference, field)

  return {
    get,
    read: reference => find(catalog, reference),
    async add(files, upload, keep = nothingBeside) {
      try {
        const description = await threads.dataset(files.map(({ name, path }) => ({ name, path })))
        const stored = files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes }))
        const dataset = { ...upload, description, files: stored, sha256: records.datasetDigest(stored) }
        const added = await contents.add(files, () =>
          catalog.transaction().execute(async transaction => {
            const same = await records.sameDataset(transaction, dataset)
            if (same) await extendLife(transaction, 'datasets', same, upload.expiresAt)
            const id = same?.id ?? (await records.insertDataset(transaction, dataset))
            const outcome = { dataset: await usable(transaction, id), created: !same }
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
    list: filters => records.listDatasets(catalog, filters),
    async remove(reference, allow) {
      await contents.release(() =>
        catalog.transaction().execute(async transaction => {
          const dataset = await find(transaction, reference)
          const { id } = dataset
          allow(dataset)
          await refuseWhileInUse(transaction, id, `The data set ${reference}`, { dataset: reference })
          const digests = await records.datasetDigests(transaction, id)
          await records.deleteDataset(transaction, id)
          return digests
        }),
      )
    },
    requireSound: ({ id, files }, signal) =>
      requireSound(
        contents,
        files.map(({ name, path }) => ({
          path,
          what: `the file ${name} of the data set ${id}`,
          place: { dataset: id, location: name },
        })),
        signal,
      ),
    files: ({ files }) => files.map(({ name, sha256 }) => ({ name, path: contents.path(sha256) })),
  }
}
