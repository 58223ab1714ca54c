import { insertDataset } from '../datasets/dataset-records.ts'
import { asTureenError } from '../errors.ts'
import { insertModel } from '../models/insert-model.ts'
import type { Catalog } from '../storage/database.ts'
import type { Labels } from '../storage/record-labels.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'

/** A content file. `sha256`: its digest, `sha256:<hex>`. */
export type ContentFile = { sha256: string; path: string; bytes: number }

/** The kind of a content file. `insert`: creates its record and returns the id; `missing`: external data that the model names. */
export type DescribedFile = {
  kind: 'model' | 'data set'
  insert(catalog: Catalog): Promise<string>
  missing: { location: string; bytes: number | undefined }[]
}

/** Reads a file as an upload does; null if it is neither a model nor an `.npz` data set. @param labels labels for the record of a model */
export async function describeFile(
  threads: ThreadPool,
  file: ContentFile,
  labels: Labels,
): Promise<DescribedFile | null> {
  return (
    (await unlessRefused(() => asModel(threads, file, labels))) ?? (await unlessRefused(() => asDataset(threads, file)))
  )
}

/** Returns the values of a new record. Its old name is lost, so its digest becomes the name. */
const upload = (sha256: string) => ({ name: sha256, labels: {}, expiresAt: null })

async function asModel(
  threads: ThreadPool,
  { sha256, path, bytes }: ContentFile,
  labels: Labels,
): Promise<DescribedFile> {
  const inspected = await threads.inspect({ path, data: [] })
  const model = { ...upload(sha256), labels, files: [{ location: '', sha256, bytes }], inspected, recipe: null }
  const missing = inspected.externalData.map((location, index) => ({ location, bytes: inspected.dataBytes[index] }))
  return { kind: 'model', insert: catalog => insertModel(catalog, model), missing }
}

async function asDataset(threads: ThreadPool, { sha256, path, bytes }: ContentFile): Promise<DescribedFile> {
  const name = `${sha256.replace('sha256:', '')}.npz`
  const description = await threads.dataset([{ name, path }])
  const dataset = { ...upload(sha256), sha256, files: [{ name, sha256, bytes }], description }
  return { kind: 'data set', insert: catalog => insertDataset(catalog, dataset), missing: [] }
}

/** Returns null if the reader refuses the file. It rethrows failures of the disk, which say nothing about the kind of the file. */
async function unlessRefused<Result>(read: () => Promise<Result>): Promise<Result | null> {
  try {
    return await read()
  } catch (error) {
    const { status } = asTureenError(error)
    if (status >= 500) throw error
    return null
  }
}
