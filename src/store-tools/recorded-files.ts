import { sql } from 'kysely'
import type { Catalog } from '../storage/database.ts'
import type { ReferencedFile, StoreFinding } from './catalog-findings.ts'

/** A file that records refer to. `holder`: one of the records, in words. */
export type RecordedFile = { bytes: number; holder: string }

/** Returns the files of all records by their digests. @param onFinding hears of references that are not digests */
export async function recordedFiles(
  references: Iterable<ReferencedFile> | AsyncIterable<ReferencedFile>,
  onFinding: (finding: StoreFinding) => void,
): Promise<Map<string, RecordedFile>> {
  const files = new Map<string, RecordedFile>()
  for await (const { sha256, bytes, holder } of references) {
    if (/^sha256:[0-9a-f]{64}$/.test(sha256)) files.set(sha256, { bytes, holder })
    else onFinding({ place: holder, message: `refers to a file by ${sha256}, which is not a digest` })
  }
  return files
}

/** Rows of one statement. */
const rowsAtOnce = 1000

/** Yields every file of every record of a catalog in PostgreSQL, in the transaction of the caller. */
export async function* referencesIn(transaction: Catalog): AsyncGenerator<ReferencedFile> {
  await sql`declare referenced_files no scroll cursor for
    select sha256, bytes, 'the model ' || model_id || case location when '' then '' else ' (' || location || ')' end as holder
      from model_files
    union all
    select sha256, bytes, 'the data set ' || dataset_id || ' (' || name || ')' from dataset_files`.execute(transaction)
  for (;;) {
    const page = sql<ReferencedFile>`fetch ${sql.lit(rowsAtOnce)} from referenced_files`
    const { rows } = await page.execute(transaction)
    if (rows.length === 0) break
    yield* rows
  }
  await sql`close referenced_files`.execute(transaction)
}
