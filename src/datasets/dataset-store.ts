import type { DatasetItem, DatasetRecord, DatasetUpload } from '../../schemas/dataset.ts'
import { TureenError } from '../errors.ts'
import type { DatasetFile } from '../evaluate/datasets/dataset.ts'
import { requireSound } from '../storage/content-damage.ts'
import type { ContentFiles, ReceivedFile } from '../storage/content-files.ts'
import type { Contents } from '../storage/contents.ts'
import { type Catalog, type KeepWith, nothingBeside } from '../storage/database.ts'
import { extendLife } from '../storage/expiry.ts'
import { refuseWhileInUse } from '../storage/job-inputs.ts'
import type { Page } from '../storage/paging.ts'
import type { Labels } from '../storage/record-labels.ts'
import { requireReadable } from '../storage/unreadable.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import * as records from './dataset-records.ts'

/** A received file with the name that it was uploaded under. */
export type NamedFile = ReceivedFile & { name: string }

/** The data sets that are kept. As with models, what is acknowledged is on the disk; what is refused leaves nothing. */
export type DatasetStore = {
  /**
   * Takes received files in, checked to be a data set. `created` is false if the same stood there under this name and labels; that
   * record then lives at least as long as this one would.
   */
  add(
    files: readonly NamedFile[],
    upload: { name: string | null; labels: Labels; expiresAt: string | null },
    keep?: KeepWith<DatasetUpload>,
  ): Promise<DatasetUpload>
  /** @throws TureenError `TUREEN_NOT_FOUND` naming `field`, where the reference stood in a request; `TUREEN_RECORD_UNREADABLE` */
  get(reference: string, field?: string): Promise<DatasetRecord>
  /** As {@link DatasetStore.get}, to be shown: also a record that cannot be used. */
  read(reference: string): Promise<DatasetItem>
  list(filters: records.DatasetFilters): Promise<Page<DatasetItem>>
  /**
   * @param allow looks at the record just before it goes, and may throw to keep it
   * @throws TureenError `TUREEN_IN_USE` while a job needs it
   */
  remove(reference: string, allow: (dataset: DatasetItem) => void): Promise<void>
  files(dataset: DatasetRecord): DatasetFile[]
  /** Call it before a stored data set is read. @throws TureenError `TUREEN_CONTENT_DAMAGED` if its files are not what was stored */
  requireSound(dataset: { id: string; files: readonly DatasetFile[] }, signal: AbortSignal): Promise<void>
}

/** @param onAdded hears that there is a data set, new or known */
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
