import type { Catalog } from '../database.ts'

/** Most digests in one statement. SQLite takes 32,766 parameters, but statements with many take long to prepare. */
export const digestsInQuery = 500

/** Returns those of the digests that records refer to. */
export async function neededDigests(catalog: Catalog, digests: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  for (let from = 0; from < digests.length; from += digestsInQuery) {
    const some = digests.slice(from, from + digestsInQuery)
    const rowsOf = (table: 'model_files' | 'dataset_files' | 'models' | 'datasets') =>
      catalog.selectFrom(table).select('sha256').where('sha256', 'in', some)
    // A record of one file names its digest in two tables. If one row is damaged, the other still protects the file.
    const rows = rowsOf('model_files').union(rowsOf('dataset_files')).union(rowsOf('models')).union(rowsOf('datasets'))
    for (const { sha256 } of await rows.execute()) found.add(sha256)
  }
  return found
}
