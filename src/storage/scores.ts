import { createHash } from 'node:crypto'
import type { Catalog } from './database.ts'
import { readOr } from './unreadable.ts'

/** What has been computed once, kept by what it is a score of: every input that could change it is part of the key. */
export type Scores = {
  /** `jobId`: the job that computed it; null for what was kept before jobs were noted. */
  get(parts: unknown): Promise<{ value: unknown; jobId: string | null } | undefined>
  put(entries: readonly { parts: unknown; value: unknown }[], jobId: string): Promise<void>
}

export function createScores(catalog: Catalog): Scores {
  const keyOf = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  return {
    async get(parts) {
      const row = await catalog
        .selectFrom('scores')
        .select(['value', 'job_id'])
        .where('key', '=', keyOf(parts))
        .executeTakeFirst()
      // One that was damaged on the disk is computed again.
      return (
        row &&
        readOr<{ value: unknown; jobId: string | null }, undefined>(
          () => ({ value: JSON.parse(row.value), jobId: row.job_id }),
          () => undefined,
        )
      )
    },
    async put(entries, job_id) {
      const created_at = new Date().toISOString()
      const rows = entries.map(({ parts, value }) => ({
        key: keyOf(parts),
        value: JSON.stringify(value),
        created_at,
        job_id,
      }))
      if (rows.length === 0) return
      await catalog
        .insertInto('scores')
        .values(rows)
        .onConflict(conflict => conflict.column('key').doUpdateSet({ value: eb => eb.ref('excluded.value') }))
        .execute()
    },
  }
}
