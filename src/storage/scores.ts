import { createHash } from 'node:crypto'
import type { Catalog } from './database.ts'
import { decodeScoreCursor, encodeCursor, type Page } from './paging.ts'
import { readOr } from './unreadable.ts'

/** A score to keep. `listed`: whose model's it is, by digest, and what to tell of it beside the value. */
export type ScoreEntry = { parts: unknown; value: unknown; listed?: { model: string; subject: unknown } }

/** A kept score of a model as JSON values. `jobId`: the job that computed it; null for what was kept before jobs were noted. */
export type ListedScore = { subject: unknown; value: unknown; jobId: string | null; createdAt: string }

/** What has been computed once, kept by what it is a score of: every input that could change it is part of the key. */
export type Scores = {
  get(parts: unknown): Promise<{ value: unknown; jobId: string | null } | undefined>
  put(entries: readonly ScoreEntry[], jobId: string): Promise<void>
  /** Scores of the model with this digest, the newest first. */
  list(model: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<ListedScore>>
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
      const rows = entries.map(({ parts, value, listed }) => ({
        key: keyOf(parts),
        value: JSON.stringify(value),
        created_at,
        job_id,
        model_sha256: listed?.model ?? null,
        subject: listed ? JSON.stringify(listed.subject) : null,
      }))
      if (rows.length === 0) return
      await catalog
        .insertInto('scores')
        .values(rows)
        .onConflict(conflict => conflict.column('key').doUpdateSet({ value: eb => eb.ref('excluded.value') }))
        .execute()
    },
    async list(model, { limit, cursor }) {
      let query = catalog
        .selectFrom('scores')
        .selectAll()
        .where('model_sha256', '=', model)
        .orderBy('created_at', 'desc')
        .orderBy('key', 'desc')
        .limit(limit + 1)
      if (cursor !== undefined) {
        const last = decodeScoreCursor(cursor)
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('created_at', 'key'), '<', tuple(last.createdAt, last.key)),
        )
      }
      const rows = await query.execute()
      const last = rows[limit - 1]
      return {
        items: rows.slice(0, limit).map(({ subject, value, job_id, created_at }) => ({
          subject: JSON.parse(subject ?? 'null'),
          value: JSON.parse(value),
          jobId: job_id,
          createdAt: created_at,
        })),
        nextCursor: rows.length > limit && last ? encodeCursor(`${last.created_at} ${last.key}`) : null,
      }
    },
  }
}
