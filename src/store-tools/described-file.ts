import { insertDataset } from '../datasets/dataset-records.ts'
import { asTureenError } from '../errors.ts'
import { insertModel } from '../models/model-records.ts'
import type { Catalog } from '../storage/database.ts'
import type { Labels } from '../storage/record-labels.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'

/** A file of the content by its digest, `sha256:<hex>`. */
export type ContentFile = { sha256: string; path: string; bytes: number }

/** What a content file is. `insert` makes its record and returns the id; `missing`: data files that the model names. */
export type DescribedFile = {
  kind: 'model' | 'data set'
  insert(catalog: Catalog): Promise<string>
  missing: { location: string; bytes: number | undefined }[]
}

/** Reads a file as an upload of it would be read. Null if it is neither a model nor an `.npz` data set. @param labels of a model's record */
export async function describeFile(
  threads: ThreadPool,
  file: ContentFile,
  labels: Labels,
): Promise<DescribedFile | null> {
  return (
    (await unlessRefused(() => asModel(threads, file, labels))) ?? (await unlessRefused(() => asDataset(threads, file)))
  )
}

/** The names are lost: the digest is what is left to find a record by. */
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

/** A file that the disk does not give is not refused: whatever it is, it must not be taken for nothing. */
async function unlessRefused<Result>(read: () => Promise<Result>): Promise<Result | null> {
  try {
    return await read()
  } catch (error) {
    const { status } = asTureenError(error)
    if (status >= 500) throw error
    return null
  }
}
