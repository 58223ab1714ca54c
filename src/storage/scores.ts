import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Catalog, Tables } from './database.ts'
import { decodeScoreCursor, type Page, type PageSource, readPage } from './paging.ts'
import { jsonOr, readOr } from './unreadable.ts'

/** A score to keep. `parts`: everything that could change it; `listed`: digest of its model, and the subject that lists show. */
export type ScoreEntry = { parts: unknown; value: unknown; listed?: { model: string; subject: unknown } }

/** A kept score of a model as JSON values. `jobId`: the job that computed it; null for scores of versions that did not record it. */
export type ListedScore = { subject: unknown; value: unknown; jobId: string | null; createdAt: string }

/** A kept value. `jobId`: the job that computed it; null for scores of versions that did not record it. */
export type KeptValue = { value: unknown; jobId: string | null }

/** Kept scores. Every input that could change a score is part of its key. */
export type Scores = {
  get(parts: unknown): Promise<KeptValue | undefined>
  /** Returns many scores in one query, in order: 32,766 at most. */
  find(parts: readonly unknown[]): Promise<(KeptValue | undefined)[]>
  /** Keeps scores. A score that was not kept before is new progress of its running job, whose attempts count from 0 again. */
  put(entries: readonly ScoreEntry[], jobId: string): Promise<void>
  /** Returns scores of the model with this digest, newest first. */
  list(model: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<ListedScore>>
}

export function createScores(catalog: Catalog): Scores {
  const keyOf = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  const find: Scores['find'] = async parts => {
    const keys = parts.map(keyOf)
    const found = new Map<string, KeptValue>()
    const rows = await catalog
      .selectFrom('scores')
      .select(['key', 'value', 'job_id'])
      .where('key', 'in', keys)
      .execute()
    // A score that is damaged on disk is computed again.
    for (const { key, value, job_id } of rows)
      readOr(
        () => found.set(key, { value: JSON.parse(value), jobId: job_id }),
        () => undefined,
      )
    return keys.map(key => found.get(key))
  }
  return {
    get: async parts => (await find([parts]))[0],
    find,
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
      await catalog.transaction().execute(async transaction => {
        const isProgress = await hasNewKey(transaction, new Set(rows.map(({ key }) => key)))
        await transaction
          .insertInto('scores')
          .values(rows)
          .onConflict(conflict =>
            conflict.column('key').doUpdateSet(({ fn, ref }) => ({
              value: ref('excluded.value'),
              model_sha256: fn.coalesce('excluded.model_sha256', 'scores.model_sha256'),
              subject: fn.coalesce('excluded.subject', 'scores.subject'),
            })),
          )
          .execute()
        if (isProgress) await resetAttempts(transaction, job_id)
      })
    },
    async list(model, { limit, cursor }) {
      const query = catalog
        .selectFrom('scores')
        .selectAll()
        .where('model_sha256', '=', model)
        .orderBy('created_at', 'desc')
        .orderBy('key', 'desc')
      const read = (after: string | undefined, count: number) => {
        if (after === undefined) return query.limit(count).execute()
        const [createdAt = '', key = ''] = after.split(' ')
        return query
          .where(({ eb, refTuple, tuple }) => eb(refTuple('created_at', 'key'), '<', tuple(createdAt, key)))
          .limit(count)
          .execute()
      }
      const source: PageSource<Tables['scores'], ListedScore> = {
        read,
        keyOf: ({ created_at, key }) => `${created_at} ${key}`,
        toItem: ({ subject, value, job_id, created_at }) => ({
          // Undefined for a score that is damaged on disk. The caller leaves it out.
          subject: jsonOr(z.unknown(), subject ?? 'null', undefined),
          value: jsonOr(z.unknown(), value, undefined),
          jobId: job_id,
          createdAt: created_at,
        }),
      }
      return readPage(source, limit, decodeScoreCursor(cursor))
    },
  }
}

async function hasNewKey(transaction: Catalog, keys: ReadonlySet<string>): Promise<boolean> {
  const { known } = await transaction
    .selectFrom('scores')
    .select(({ fn }) => fn.countAll<number>().as('known'))
    .where('key', 'in', [...keys])
    .executeTakeFirstOrThrow()
  return known < keys.size
}

async function resetAttempts(transaction: Catalog, jobId: string): Promise<void> {
  await transaction
    .updateTable('jobs')
    .set({ attempts: 0 })
    .where('id', '=', jobId)
    .where('status', '=', 'running')
    .where('attempts', '>', 0)
    .execute()
}
