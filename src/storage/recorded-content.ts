import { sql } from 'kysely'
import { isPostgres } from './catalog-sql.ts'
import type { Catalog } from './database.ts'

/** Returns the number of files that records refer to, each counted once, and their bytes. */
export async function recordedContent(catalog: Catalog): Promise<{ files: number; bytes: number }> {
  if (isPostgres(catalog))
    return catalog.selectFrom('content_total').select(['files', 'bytes']).executeTakeFirstOrThrow()
  const files = catalog
    .selectFrom('model_files')
    .select(['sha256', 'bytes'])
    .union(catalog.selectFrom('dataset_files').select(['sha256', 'bytes']))
  return catalog
    .selectFrom(files.as('files'))
    .select([sql<number>`count(*)`.as('files'), sql<number>`coalesce(sum(bytes), 0)`.as('bytes')])
    .executeTakeFirstOrThrow()
}
