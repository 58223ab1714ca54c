import { z } from 'zod'
import type { ScorerReference } from '../../../schemas/search-terms.ts'
import type { CandidateSoup } from '../../merge/candidate-plan.ts'
import type { Catalog } from '../../storage/database.ts'
import { newRecordId } from '../../storage/record-ids.ts'
import { modelsColumn, numberModels } from '../../storage/scored-models.ts'
import { jsonOr, readOr, unreadableRecord } from '../../storage/unreadable.ts'
import { modelsOf, type ScoredModel } from '../score-subject.ts'
import type { Split } from './candidate-ledger.ts'
import { outcomeText, readOutcome, soupText } from './candidate-rows.ts'
import { isWaitedFor } from './locked-search.ts'
import type { OutsideScore } from './outside-scores.ts'

/** Most candidates that a search asks for at a time. The rest follows when these have their scores. */
export const maximumWanted = 10_000

/** Rows of one statement. PostgreSQL takes 65,535 parameters. */
const rowsAtOnce = 500

/** A candidate whose score a search lacks. `key`: that of its kept score; `isRequired`: false if the search can go on without it. */
export type WantedCandidate = {
  key: string
  model: ScoredModel
  soup: CandidateSoup
  split: Split
  scorer: ScorerReference
  isRequired: boolean
}

/**
 * How a candidate of this search was settled. `scored`: with `seconds` from its lease to the score; `failed`: it has no score; `over`: the budget
 * of seconds was spent before.
 */
export type SettledCandidate =
  | { kind: 'scored'; score: OutsideScore; seconds: number }
  | { kind: 'failed'; error: string }
  | { kind: 'over' }

/** The books of one search, as its own runs use them. */
export type SearchBooks = {
  /** Notes the first start of the search. @param seconds its budget @returns seconds since the first start */
  begin(seconds: number | undefined): Promise<number>
  /** True once the search has asked for candidates. */
  hasAsked(): Promise<boolean>
  /** Returns the settled candidates of the search, by the key of their scores. */
  settled(): Promise<ReadonlyMap<string, SettledCandidate>>
  /**
   * Writes which candidates the search lacks. Open ones that it asked for earlier and lacks no more are withdrawn.
   * @returns false if all that it needs is settled by now
   */
  want(transaction: Catalog, wanted: readonly WantedCandidate[], phase: SearchPhase): Promise<boolean>
}

/**
 * `choice`: the search chooses candidates. `overdue`: it still lacks the first score, although the budget of seconds is spent. `chosen`: the
 * choice is over; candidates of it get no score any more. The budget of seconds ends a wait in the phase `choice` only.
 */
export type SearchPhase = 'choice' | 'overdue' | 'chosen'

/** Returns the books of a search. @param clock milliseconds since 1970 */
export function searchBooks(catalog: Catalog, jobId: string, clock: () => number): SearchBooks {
  return {
    async begin(seconds) {
      const now = clock()
      const endsAt = seconds === undefined ? null : new Date(now + seconds * 1000).toISOString()
      // The row is there, unless it was lost in a damaged catalog.
      await catalog
        .insertInto('external_searches')
        .values({ job_id: jobId })
        .onConflict(conflict => conflict.column('job_id').doNothing())
        .execute()
      await catalog
        .updateTable('external_searches')
        .set({ begun_at: new Date(now).toISOString(), ends_at: endsAt })
        .where('job_id', '=', jobId)
        .where('begun_at', 'is', null)
        .execute()
      const { begun_at } = await catalog
        .selectFrom('external_searches')
        .select('begun_at')
        .where('job_id', '=', jobId)
        .executeTakeFirstOrThrow()
      return begun_at === null ? 0 : Math.max(0, (now - Date.parse(begun_at)) / 1000)
    },
    async hasAsked() {
      const any = catalog.selectFrom('search_candidates').select('id').where('job_id', '=', jobId).limit(1)
      return (await any.executeTakeFirst()) !== undefined
    },
    async settled() {
      const rows = await catalog
        .selectFrom('search_candidates')
        .select(['score_key', 'outcome', 'sample_scores', 'leased_at', 'settled_at'])
        .where('job_id', '=', jobId)
        .where('state', 'in', ['scored', 'unscored'])
        .execute()
      return readOr(
        () => new Map(rows.map(row => [row.score_key, settledIn(row)])),
        reason => {
          throw unreadableRecord({ job: jobId }, `a candidate is damaged: ${reason}`)
        },
      )
    },
    async want(transaction, wanted, phase) {
      const now = new Date(clock()).toISOString()
      if (phase !== 'choice') await endBudget(transaction, jobId)
      if (phase === 'chosen') await endChoice(transaction, jobId, now)
      const known = await transaction
        .selectFrom('search_candidates')
        .select(['id', 'score_key', 'place', 'state', 'required', 'attempts'])
        .where('job_id', '=', jobId)
        .execute()
      const rows = new Map(known.map(row => [row.score_key, row]))
      const needed = new Map(wanted.slice(0, maximumWanted).map(each => [each.key, each]))
      await withdraw(
        transaction,
        jobId,
        [...rows.values()].filter(row => !needed.has(row.score_key)),
      )
      const numbers = await numberModels(transaction, [...needed.values()].flatMap(modelsOf))
      const next = known.reduce((last, { place }) => Math.max(last, place), -1) + 1
      const added = [...needed.values()].filter(({ key }) => !rows.has(key))
      await insertWanted(transaction, jobId, added, { numbers, place: next, now })
      for (const required of [0, 1]) {
        const changed = [...needed.values()].flatMap(({ key, isRequired }) => {
          const row = rows.get(key)
          return row && isRequired === (required === 1) && row.required !== required ? [row.id] : []
        })
        await setRequired(transaction, changed, required)
      }
      return isWaitedFor(transaction, jobId)
    },
  }
}

type SettledRow = {
  outcome: string | null
  sample_scores: string | null
  leased_at: string | null
  settled_at: string | null
}

/** @throws Error if the row is damaged, or of a newer version */
function settledIn({ outcome, sample_scores, leased_at, settled_at }: SettledRow): SettledCandidate {
  const { score, samples, error, by } = readOutcome(outcome ?? '')
  if (by === 'budget') return { kind: 'over' }
  if (score === null) return { kind: 'failed', error: error ?? 'there is no reason' }
  const sampleScores = sample_scores === null ? undefined : jsonOr(z.array(z.number()), sample_scores, undefined)
  const took = leased_at === null || settled_at === null ? 0 : Date.parse(settled_at) - Date.parse(leased_at)
  return {
    kind: 'scored',
    score: { score, samples, ...(sampleScores ? { sampleScores } : {}) },
    seconds: Math.max(0, took / 1000),
  }
}

/** Ends the choice of candidates: those that are not settled get no score any more, so that later starts choose the same winner. */
async function endChoice(transaction: Catalog, jobId: string, now: string): Promise<void> {
  const error = 'The budget of seconds was spent before it had a score'
  const outcome = { score: null, samples: null, error, by: 'budget' as const }
  await transaction
    .updateTable('search_candidates')
    .set({ state: 'unscored', outcome: outcomeText(outcome), settled_at: now })
    .where('job_id', '=', jobId)
    .where('split', '=', 'selection')
    .where('required', '=', 1)
    .where('state', 'in', ['open', 'leased'])
    .execute()
}

async function endBudget(transaction: Catalog, jobId: string): Promise<void> {
  await transaction.updateTable('external_searches').set({ ends_at: null }).where('job_id', '=', jobId).execute()
}

/** Withdraws unsettled candidates that a search lacks no more. A scorer may still send the score of a leased one, which is kept. */
async function withdraw(
  transaction: Catalog,
  jobId: string,
  rows: readonly { id: string; state: string; required: number; attempts: number }[],
): Promise<void> {
  const open = rows.filter(({ state, attempts }) => state === 'open' && attempts === 0).map(({ id }) => id)
  for (let start = 0; start < open.length; start += rowsAtOnce)
    await transaction
      .deleteFrom('search_candidates')
      .where('job_id', '=', jobId)
      .where('id', 'in', open.slice(start, start + rowsAtOnce))
      .execute()
  const others = rows.filter(({ state, attempts }) => state === 'leased' || (state === 'open' && attempts > 0))
  const needless = others.filter(({ required }) => required >= 0).map(({ id }) => id)
  await setRequired(transaction, needless, -1)
}

async function setRequired(transaction: Catalog, ids: readonly string[], required: number): Promise<void> {
  for (let start = 0; start < ids.length; start += rowsAtOnce)
    await transaction
      .updateTable('search_candidates')
      .set({ required })
      .where('id', 'in', ids.slice(start, start + rowsAtOnce))
      .execute()
}

async function insertWanted(
  transaction: Catalog,
  jobId: string,
  wanted: readonly WantedCandidate[],
  { numbers, place, now }: { numbers: ReadonlyMap<string, number>; place: number; now: string },
): Promise<void> {
  for (let start = 0; start < wanted.length; start += rowsAtOnce) {
    const slice = wanted.slice(start, start + rowsAtOnce)
    const rows = slice.map(({ key, model, soup, split, scorer, isRequired }, index) => ({
      id: newRecordId(),
      job_id: jobId,
      place: place + start + index,
      score_key: key,
      models: modelsColumn(modelsOf({ model }).flatMap(sha256 => numbers.get(sha256) ?? [])),
      split,
      scorer: scorer.name,
      version: scorer.version,
      soup: soupText(soup),
      required: isRequired ? 1 : 0,
      state: 'open',
      attempts: 0,
      created_at: now,
    }))
    await transaction.insertInto('search_candidates').values(rows).execute()
  }
}
