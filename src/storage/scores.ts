import { createHash } from 'node:crypto'
import type { Catalog } from './database.ts'

/** What has been computed once, kept by what it is a score of: every input that could change it is part of the key. */
export type Scores = {
  get(parts: unknown): Promise<unknown>
  put(entries: readonly { parts: unknown; value: unknown }[]): Promise<void>
}

export function createScores(catalog: Catalog): Scores {
  const keyOf = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  return {
    async get(parts) {
      const row = await catalog.selectFrom('scores').select('value').where('key', '=', keyOf(parts)).executeTakeFirst()
      return row && JSON.parse(row.value)
    },
    async put(entries) {
      const created_at = new Date().toISOString()
      const rows = entries.map(({ parts, value }) => ({ key: keyOf(parts), value: JSON.stringify(value), created_at }))
      if (rows.length === 0) return
      await catalog
        .insertInto('scores')
        .values(rows)
        .onConflict(conflict => conflict.column('key').doUpdateSet({ value: eb => eb.ref('excluded.value') }))
        .execute()
    },
  }
}
