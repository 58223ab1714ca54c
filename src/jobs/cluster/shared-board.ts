import { z } from 'zod'
import { isPostgres } from '../../storage/catalog-sql.ts'
import type { Catalog } from '../../storage/database.ts'
import { type DocumentKind, readDocument, writeDocument } from '../../storage/documents/stored-document.ts'
import type { Notifications } from '../../storage/postgres/notifications.ts'
import { readOr } from '../../storage/unreadable.ts'
import type { RangeBoard } from '../range-board.ts'

/** Channels of notifications. The text is the id of a job. */
const [offeredChannel, settledChannel] = ['tureen_ranges_offered', 'tureen_ranges_settled']

const rangeDocument: DocumentKind = { name: 'range of candidates', upgrades: [] }
const soup = z.object({
  members: z.array(z.number()),
  weights: z.array(z.number()),
  rules: z.array(z.object({ match: z.string(), weights: z.array(z.number()) })),
  parameters: z.record(z.string(), z.number()).optional(),
})
// A search with one term does not write it, as earlier versions do.
const rangeSchema = z.object({ fingerprint: z.string(), soups: z.array(soup), term: z.number().default(0) })

/** Returns the board that all processes of a store share: rows of the catalog. */
export function sharedBoard(catalog: Catalog, news: Pick<Notifications, 'listen' | 'tell'>): RangeBoard {
  const ranges = () => catalog.updateTable('candidate_ranges')
  return {
    async offer(jobId, offered) {
      if (offered.length === 0) return
      const rows = offered.map(({ id, term, ...range }) => ({
        id,
        job_id: jobId,
        candidates: writeDocument(rangeDocument, { ...range, ...(term === 0 ? {} : { term }) }),
        evaluators: 0,
        beats: 0,
        settled: 0,
      }))
      await catalog.insertInto('candidate_ranges').values(rows).execute()
      await news.tell(catalog, offeredChannel, jobId)
    },
    async states(jobId) {
      const rows = await catalog
        .selectFrom('candidate_ranges')
        .select(['id', 'holder', 'evaluators', 'beats', 'settled'])
        .where('job_id', '=', jobId)
        .execute()
      return rows.map(({ id, holder, evaluators, beats, settled }) => ({
        id,
        holder: holder === null ? null : { id: holder, evaluators },
        beats,
        isSettled: settled === 1,
      }))
    },
    async takeBack(ids) {
      const untaken = catalog.deleteFrom('candidate_ranges').where('id', 'in', ids).where('holder', 'is', null)
      return (await untaken.returning('id').execute()).map(({ id }) => id)
    },
    async remove(jobId, ids) {
      const all = catalog.deleteFrom('candidate_ranges').where('job_id', '=', jobId)
      await (ids === undefined ? all : all.where('id', 'in', ids)).execute()
    },
    onSettled: (jobId, hear) =>
      news.listen(
        settledChannel,
        text => {
          if (text === jobId) hear()
        },
        hear,
      ),
    async take({ id: holder, evaluators }, among) {
      let untaken = catalog
        .selectFrom('candidate_ranges')
        .innerJoin('jobs', 'jobs.id', 'candidate_ranges.job_id')
        .select('candidate_ranges.id')
        .where('holder', 'is', null)
        .where('jobs.status', '=', 'running')
        .orderBy('candidate_ranges.id')
        .limit(1)
      if ('jobId' in among) untaken = untaken.where('job_id', '=', among.jobId)
      else if (among.except.length > 0) untaken = untaken.where('job_id', 'not in', among.except)
      // Two workers that look at the same time take different ranges.
      if (isPostgres(catalog)) untaken = untaken.forUpdate('candidate_ranges').skipLocked()
      const taken = await ranges()
        .set({ holder, evaluators })
        .where('id', '=', untaken)
        .where('holder', 'is', null)
        .returning(['id', 'job_id', 'candidates'])
        .executeTakeFirst()
      if (!taken) return undefined
      // A range of a newer version has no fingerprint that a worker of this one could have.
      const { fingerprint, soups, term } = readOr(
        () => readDocument(rangeDocument, rangeSchema, taken.candidates),
        () => ({ fingerprint: '', soups: [], term: 0 }),
      )
      return {
        id: taken.id,
        jobId: taken.job_id,
        term,
        fingerprint,
        soups: soups.map(({ parameters, ...each }) => ({ ...each, ...(parameters ? { parameters } : {}) })),
      }
    },
    async beat({ id: holder }, ids) {
      if (ids.length === 0) return []
      const beaten = ranges()
        .set(({ eb }) => ({ beats: eb('beats', '+', 1) }))
        .where('id', 'in', ids)
        .where('holder', '=', holder)
        .where('job_id', 'in', running => running.selectFrom('jobs').select('id').where('status', '=', 'running'))
      return (await beaten.returning('id').execute()).map(({ id }) => id)
    },
    async isRunning(jobId) {
      const job = catalog.selectFrom('jobs').select('id').where('id', '=', jobId).where('status', '=', 'running')
      return (await job.executeTakeFirst()) !== undefined
    },
    async settle({ id: holder }, id) {
      const settled = await ranges()
        .set({ settled: 1 })
        .where('id', '=', id)
        .where('holder', '=', holder)
        .returning('job_id')
        .executeTakeFirst()
      if (settled) await news.tell(catalog, settledChannel, settled.job_id)
    },
    async release({ id: holder }, id) {
      const released = await ranges()
        .set({ holder: null, beats: 0 })
        .where('id', '=', id)
        .where('holder', '=', holder)
        .where('settled', '=', 0)
        .returning('job_id')
        .executeTakeFirst()
      if (released) await news.tell(catalog, offeredChannel, released.job_id)
    },
    onOffered: hear => news.listen(offeredChannel, hear, hear),
  }
}
