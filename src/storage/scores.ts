import { createHash } from 'node:crypto'
import type { Catalog, Tables } from './database.ts'
import { type DocumentKind, openDocument, writeDocument } from './documents/stored-document.ts'
import { decodeScoreCursor, type Page, type PageSource, readPage } from './paging.ts'
import { modelsColumn, numberModels } from './scored-models.ts'
import { readOr } from './unreadable.ts'

/**
 * A score to keep. `parts`: everything that could change it; `models`: digests of the models that it needs; `listed`: digest of its model, and
 * the subject that lists show.
 */
export type ScoreEntry = {
  parts: unknown
  models: readonly string[]
  value: object
  listed?: { model: string; subject: object }
}

/** A kept score of a model as JSON values; undefined for damaged ones and those of a newer version. `jobId`: the job that computed it; null for scores of versions that did not record it. */
export type ListedScore = { subject: unknown; value: unknown; jobId: string | null; createdAt: string }

/** A kept value. `jobId`: the job that computed it; null for scores of versions that did not record it. */
export type KeptValue = { value: object; jobId: string | null }

/** Kept scores. Every input that could change a score is part of its key. */
export type Scores = {
  get(parts: unknown): Promise<KeptValue | undefined>
  /** Returns many scores in one query, in order: 32,766 at most. */
  find(parts: readonly unknown[]): Promise<(KeptValue | undefined)[]>
  /** Returns many scores by their keys, as {@link Scores.find} does. */
  findKeys(keys: readonly string[]): Promise<(KeptValue | undefined)[]>
  /** Keeps scores. A score that was not kept before is new progress of its running job, whose attempts count from 0 again. */
  put(entries: readonly ScoreEntry[], jobId: string): Promise<void>
  /** Returns scores of the model with this digest, newest first. */
  list(model: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<ListedScore>>
}

/** A kept value, and the subject of a kept score. */
const scoreDocument: DocumentKind = { name: 'value', upgrades: [] }
const subjectDocument: DocumentKind = { name: 'subject', upgrades: [] }

/** Returns the key of a score. @param parts everything that could change it */
export function scoreKey(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** A score to keep by its key. `models`: the column of the same name. */
export type KeyedScore = { key: string; models: string; value: object }

/** Keeps one score in a transaction of the caller, as {@link Scores.put} does. */
export async function keepScore(transaction: Catalog, score: KeyedScore, jobId: string): Promise<void> {
  const { key, models, value } = score
  const listed = { model_sha256: null, subject: null }
  const created_at = new Date().toISOString()
  await keepRows(
    transaction,
    [{ key, models, value: writeDocument(scoreDocument, value), created_at, job_id: jobId, ...listed }],
    jobId,
  )
}

/** Inserts rows of scores, or gives known ones new values. @param rows each key once, and in order, so that two transactions never wait for each other */
async function keepRows(transaction: Catalog, rows: readonly Tables['scores'][], jobId: string): Promise<void> {
  const isProgress = await hasNewKey(
    transaction,
    rows.map(({ key }) => key),
  )
  await transaction
    .insertInto('scores')
    .values(rows)
    .onConflict(conflict =>
      conflict.column('key').doUpdateSet(({ fn, ref }) => ({
        value: ref('excluded.value'),
        models: ref('excluded.models'),
        model_sha256: fn.coalesce('excluded.model_sha256', 'scores.model_sha256'),
        subject: fn.coalesce('excluded.subject', 'scores.subject'),
      })),
    )
    .execute()
  if (isProgress) await resetAttempts(transaction, jobId)
}

export function createScores(catalog: Catalog): Scores {
  const findKeys: Scores['findKeys'] = async keys => {
    const found = new Map<string, KeptValue>()
    const rows = await catalog
      .selectFrom('scores')
      .select(['key', 'value', 'job_id'])
      .where('key', 'in', keys)
      .execute()
    // A score that is damaged on disk, or of a newer version, is computed again.
    for (const { key, value, job_id } of rows)
      readOr(
        () => found.set(key, { value: openDocument(scoreDocument, value), jobId: job_id }),
        () => undefined,
      )
    return keys.map(key => found.get(key))
  }
  const find: Scores['find'] = parts => findKeys(parts.map(scoreKey))
  return {
    get: async parts => (await find([parts]))[0],
    find,
    findKeys,
    async put(entries, job_id) {
      const created_at = new Date().toISOString()
      if (entries.length === 0) return
      await catalog.transaction().execute(async transaction => {
        const numbers = await numberModels(
          transaction,
          entries.flatMap(({ models }) => models),
        )
        const byKey = new Map(
          entries.map(({ parts, models: needed, value, listed }) => {
            const [model_sha256, subject] = listed
              ? [listed.model, writeDocument(subjectDocument, listed.subject)]
              : [null, null]
            const models = modelsColumn(needed.flatMap(sha256 => numbers.get(sha256) ?? []))
            const key = scoreKey(parts)
            return [
              key,
              { key, value: writeDocument(scoreDocument, value), created_at, job_id, models, model_sha256, subject },
            ]
          }),
        )
        const keys = [...byKey.keys()].sort()
        const rows = keys.flatMap(key => byKey.get(key) ?? [])
        await keepRows(transaction, rows, job_id)
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
          subject: subject === null ? undefined : readableOr(subjectDocument, subject),
          value: readableOr(scoreDocument, value),
          jobId: job_id,
          createdAt: created_at,
        }),
      }
      return readPage(source, limit, decodeScoreCursor(cursor))
    },
  }
}

/** Returns a document; undefined if it is damaged on disk, or of a newer version. */
function readableOr(kind: DocumentKind, text: string): object | undefined {
  return readOr<object, undefined>(
    () => openDocument(kind, text),
    () => undefined,
  )
}

async function hasNewKey(transaction: Catalog, keys: readonly string[]): Promise<boolean> {
  const { known } = await transaction
    .selectFrom('scores')
    .select(({ fn }) => fn.countAll<number>().as('known'))
    .where('key', 'in', keys)
    .executeTakeFirstOrThrow()
  return known < keys.length
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
