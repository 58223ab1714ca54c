import { statfs } from 'node:fs/promises'
import { sql } from 'kysely'
import type { ContentStore } from './content/content-store.ts'
import type { Quarantine } from './content/quarantine.ts'
import type { Catalog } from './database.ts'
import { statusColumn } from './job-status.ts'
import { oneQuestion, oneQuestionOf } from './one-question.ts'

/** Number of records of one kind, and the bytes of their content. Content that records share counts for each of them. */
export type Holding = { records: number; bytes: number }

/** Numbers of records in the catalog. */
export type CatalogUsage = {
  models: Holding
  datasets: Holding
  jobs: readonly { type: string; status: string; records: number }[]
  scores: { records: number }
}

/** Usage of a store, with sizes in bytes; null for a part that could not be read. */
export type StoreUsage = {
  catalog: CatalogUsage | null
  /** Content files, each counted once. */
  content: { files: number; bytes: number } | null
  /** Files without a record, kept for a while. */
  quarantine: { files: number; bytes: number }
  /** Leases on content: files that jobs and requests read at the moment, each counted for every reader. */
  leases: number
  /** The volume of the data directory. `freeBytes`: bytes that this process may still write. */
  disk: { freeBytes: number; totalBytes: number } | null
}

/**
 * Returns a function that reads the usage of a store, and continues without the parts that fail.
 * @param store the catalog, the content and the quarantine
 * @param onFailure called with each part that could not be read
 */
export function storeUsage(
  {
    catalog,
    content: { leases },
    quarantine,
    count,
  }: {
    catalog: Catalog
    content: Pick<ContentStore, 'leases'>
    quarantine: Pick<Quarantine, 'holding'>
    /** Returns the number of content files, and their bytes. */
    count(): Promise<{ files: number; bytes: number }>
  },
  directory: string,
  onFailure: (part: string, error: unknown) => void,
): () => Promise<StoreUsage> {
  const readCatalog = oneQuestionOf(catalog, () => catalogUsage(catalog))
  const readContent = oneQuestion('the directory of content', count)
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
    return { catalog: records, content, quarantine: quarantine.holding(), leases: leases(), disk }
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
    .select(['type', statusColumn.as('status'), count.as('records')])
    .groupBy(['type', statusColumn])
    .execute()
  const scores = await catalog.selectFrom('scores').select(count.as('records')).executeTakeFirstOrThrow()
  return { models: { ...models, ...modelFiles }, datasets, jobs, scores }
}
