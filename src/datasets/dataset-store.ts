import { createHash } from 'node:crypto'
import type { DatasetRecord } from '../../schemas/dataset.ts'
import { TureenError } from '../errors.ts'
import type { DatasetFile } from '../evaluate/datasets/dataset.ts'
import type { Artifacts, ReceivedFile } from '../storage/artifacts.ts'
import { requireSound } from '../storage/content-damage.ts'
import type { Contents } from '../storage/contents.ts'
import type { Catalog } from '../storage/database.ts'
import { refuseWhileInUse } from '../storage/job-inputs.ts'
import type { Labels } from '../storage/labels.ts'
import type { Page } from '../storage/paging.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import * as records from './dataset-records.ts'

/** A received file with the name that it was uploaded under. */
export type NamedFile = ReceivedFile & { name: string }

/** The data sets that are kept. As with models, what is acknowledged is on the disk; what is refused leaves nothing. */
export type DatasetStore = {
  /** Takes received files in, checked to be a data set. `created` is false if the same stood there under this name and labels. */
  add(
    files: readonly NamedFile[],
    upload: { name: string | null; labels: Labels },
  ): Promise<{ dataset: DatasetRecord; created: boolean }>
  /** @throws TureenError `TUREEN_NOT_FOUND` naming `field`, where the reference stood in a request */
  get(reference: string, field?: string): Promise<DatasetRecord>
  list(filters: records.DatasetFilters): Promise<Page<DatasetRecord>>
  /** @throws TureenError `TUREEN_IN_USE` while a job needs it */
  remove(reference: string): Promise<void>
  files(dataset: DatasetRecord): DatasetFile[]
  /** Call it before a stored data set is read. @throws TureenError `TUREEN_CONTENT_DAMAGED` if its files are not what was stored */
  requireSound(dataset: { id: string; files: readonly DatasetFile[] }, signal: AbortSignal): Promise<void>
}

export function createDatasetStore(
  catalog: Catalog,
  artifacts: Artifacts,
  contents: Contents,
  threads: ThreadPool,
): DatasetStore {
  const get: DatasetStore['get'] = async (reference, field) => {
    const dataset = await records.resolveDataset(catalog, reference)
    if (dataset) return dataset
    const message = `there is no data set ${reference}`
    throw new TureenError(
      'TUREEN_NOT_FOUND',
      `In this store ${message}; upload it first, or list them with GET /v1/datasets.`,
      [{ ...(field === undefined ? {} : { field }), message }],
    )
  }

  return {
    get,
    async add(files, upload) {
      try {
        const description = await threads.dataset(files.map(({ name, path }) => ({ name, path })))
        const stored = files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes }))
        const dataset = { ...upload, description, files: stored, sha256: digestOf(stored) }
        return await contents.add(files, async () => {
          const same = await records.sameDataset(catalog, dataset)
          if (same) return { dataset: same, created: false }
          const id = await catalog.transaction().execute(transaction => records.insertDataset(transaction, dataset))
          return { dataset: await get(id), created: true }
        })
      } finally {
        for (const { path } of files) await artifacts.discard(path)
      }
    },
    list: filters => records.listDatasets(catalog, filters),
    async remove(reference) {
      const { id, files } = await get(reference)
      await contents.release(() =>
        catalog.transaction().execute(async transaction => {
          await refuseWhileInUse(transaction, id, `The data set ${reference}`)
          await records.deleteDataset(transaction, id)
          return files.map(({ sha256 }) => sha256)
        }),
      )
    },
    requireSound: ({ id, files }, signal) =>
      requireSound(
        contents,
        files.map(({ name, path }) => ({
          path,
          what: `the file ${name} of the data set ${id}`,
          place: { field: 'dataset' },
        })),
        signal,
      ),
    files: ({ files }) => files.map(({ name, sha256 }) => ({ name, path: contents.path(sha256) })),
  }
}

/** The digest of a data set: that of its file; of several, that of the list of them, whose order is that of the samples. */
function digestOf(files: readonly { name: string; sha256: string; bytes: number }[]): string {
  const [only] = files
  if (only && files.length === 1) return only.sha256
  const list = JSON.stringify(files.map(({ name, bytes, sha256 }) => [name, bytes, sha256]))
  return `sha256:${createHash('sha256').update(list).digest('hex')}`
}
