import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { ContentFiles } from './content-files.ts'
import { countContent } from './count-content.ts'
import type { Catalog } from './database.ts'
import { oneQuestion } from './one-question.ts'

/** Records of one kind, and the bytes that they refer to; what two of them share counts for both. */
export type Holding = { records: number; bytes: number }

/** Records in the catalog. */
export type CatalogUsage = {
  models: Holding
  datasets: Holding
  jobs: readonly { type: string; status: string; records: number }[]
  scores: { records: number }
}

/** What a store holds, all sizes in bytes; null is a part that could not be read. */
export type StoreUsage = {
  catalog: CatalogUsage | null
  /** The files as they lie on the disk, each once however many records refer to it. */
  content: { files: number; bytes: number } | null
  /** Files that no record refers to, kept for a while. */
  quarantine: { files: number; bytes: number }
  /** Of the volume that the data directory is on; free is what this process may still write. */
  disk: { freeBytes: number; totalBytes: number } | null
}

/**
 * @param store the catalog, and what knows the quarantine
 * @param onFailure hears of each part that could not be read
 * @returns a function that reads how much there is of everything, and goes on without the parts that fail
 */
export function storeUsage(
  { catalog, contentFiles }: { catalog: Catalog; contentFiles: Pick<ContentFiles, 'quarantined'> },
  directory: string,
  onFailure: (part: string, error: unknown) => void,
): () => Promise<StoreUsage> {
  const readCatalog = oneQuestion('the catalog', () => catalogUsage(catalog))
  const readContent = oneQuestion('the directory of content', () => countContent(join(directory, 'content')))
  const readDisk = oneQuestion('the volume', async () => {
    const { bavail, blocks, bsize } = await statfs(directory)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  })
  const unlessFailing = <Part>(part: string, read: () => Promise<Part>): Promise<Part | null> =>
    read().catch((error: unknown) => {
      onFailure(part, error)
      return null
    })
  return async () => {
    const [records, content, disk] = await Promise.all([
      unlessFailing('catalog', readCatalog),
      unlessFailing('content', readContent),
      unlessFailing('disk', readDisk),
    ])
    return { catalog: records, content, quarantine: contentFiles.quarantined(), disk }
  }
}

async function catalogUsage(catalog: Catalog): Promise<CatalogUsage> {
  const count = sql<number>`count(*)`
  const bytes = sql<number>`coalesce(sum(bytes), 0)`
  const models = await catalog.selectFrom('models').select(count.as('records')).executeTakeFirstOrThrow()
  const modelFiles = await catalog.selectFrom('model_files').select(bytes.as('bytes')).executeTakeFirstOrThrow()
  const datasets = await catalog
    .selectFrom('datasets')
    .select([count.as('records'), bytes.as('bytes')])
    .executeTakeFirstOrThrow()
  const jobs = await catalog
    .selectFrom('jobs')
    .select(['type', 'status', count.as('records')])
    .groupBy(['type', 'status'])
    .execute()
  const scores = await catalog.selectFrom('scores').select(count.as('records')).executeTakeFirstOrThrow()
  return { models: { ...models, ...modelFiles }, datasets, jobs, scores }
}
