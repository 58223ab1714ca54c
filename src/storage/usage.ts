import { statfs } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Artifacts } from './artifacts.ts'
import type { Catalog } from './database.ts'

/** Records of one kind, and the bytes that they refer to; what two of them share counts for both. */
export type Holding = { records: number; bytes: number }

/** What a store holds, all sizes in bytes. */
export type StoreUsage = {
  models: Holding
  datasets: Holding
  jobs: readonly { type: string; status: string; records: number }[]
  scores: { records: number }
  /** The files as they lie on the disk, each once however many records refer to it. */
  content: { files: number; bytes: number }
  /** Files that no record refers to, kept for a while. */
  quarantine: { files: number; bytes: number }
  /** Of the volume that the data directory is on; free is what this process may still write. */
  disk: { freeBytes: number; totalBytes: number }
}

/** @param artifacts knows what is in the quarantine */
export async function storeUsage(
  catalog: Catalog,
  directory: string,
  artifacts: Pick<Artifacts, 'quarantined'>,
): Promise<StoreUsage> {
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
  const content = await catalog
    .selectFrom(
      catalog
        .selectFrom('model_files')
        .select(['sha256', 'bytes'])
        .union(catalog.selectFrom('dataset_files').select(['sha256', 'bytes']))
        .as('files'),
    )
    .select([count.as('files'), bytes.as('bytes')])
    .executeTakeFirstOrThrow()
  const { bavail, blocks, bsize } = await statfs(directory)
  return {
    models: { ...models, ...modelFiles },
    datasets,
    jobs,
    scores,
    content,
    quarantine: artifacts.quarantined(),
    disk: { freeBytes: bavail * bsize, totalBytes: blocks * bsize },
  }
}
