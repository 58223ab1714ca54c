import type { Selectable } from 'kysely'
import { z } from 'zod'
import type { Catalog, Tables } from '../../storage/database.ts'
import { type DocumentKind, readDocument, writeDocument } from '../../storage/documents/stored-document.ts'
import { readOr, unreadableRecord, validOr } from '../../storage/unreadable.ts'
import type { ExternalCandidate } from './candidate-ledger.ts'

// Rows of the catalog for candidates that scorers from outside score.

const soupDocument: DocumentKind = { name: 'candidate', upgrades: [] }
const outcomeDocument: DocumentKind = { name: 'outcome', upgrades: [] }

const soup = z.object({
  members: z.array(z.number()),
  weights: z.array(z.number()),
  rules: z.array(z.object({ match: z.string(), weights: z.array(z.number()) })),
  parameters: z.record(z.string(), z.number()).optional(),
})

const outcome = z.object({
  score: z.number().nullable(),
  samples: z.number().nullable(),
  error: z.string().nullable(),
  /** Who settled it: a scorer, its leases that all ended, or the end of the budget of seconds. */
  by: z.enum(['scorer', 'leases', 'budget']),
})

/** How a candidate was settled. */
export type StoredOutcome = z.infer<typeof outcome>

const details = z.record(z.string(), z.unknown())
const split = z.enum(['selection', 'test'])
const state = z.enum(['open', 'leased', 'scored', 'unscored'])

/** The text of a soup in a row. Equal soups have equal texts. */
export function soupText(value: ExternalCandidate['soup']): string {
  return writeDocument(soupDocument, value)
}

export function outcomeText(value: StoredOutcome): string {
  return writeDocument(outcomeDocument, value)
}

/** Returns how a candidate was settled. @throws Error if the text is damaged; NewerDocument */
export function readOutcome(text: string): StoredOutcome {
  return readDocument(outcomeDocument, outcome, text)
}

/** Selects candidates of a search with the ends of their leases. */
export function selectCandidates(catalog: Catalog, jobId: string) {
  return catalog
    .selectFrom('search_candidates')
    .leftJoin('search_leases', 'search_leases.id', 'search_candidates.lease_id')
    .select([
      'search_candidates.id',
      'search_candidates.job_id',
      'place',
      'split',
      'scorer',
      'version',
      'soup',
      'state',
      'attempts',
      'lease_id',
      'outcome',
      'details',
      'created_at',
      'settled_at',
    ])
    .select('search_leases.expires_at')
    .where('search_candidates.job_id', '=', jobId)
}

type CandidateRow = Omit<
  Selectable<Tables['search_candidates']>,
  'score_key' | 'models' | 'required' | 'leased_at' | 'outcome_digest' | 'sample_scores'
> & { expires_at: string | null }

/** Returns the candidate of a row. @throws TureenError `TUREEN_RECORD_UNREADABLE` if it is damaged, or of a newer version */
export function candidateIn(row: CandidateRow): ExternalCandidate {
  return readOr(
    () => {
      const { parameters, ...shape } = readDocument(soupDocument, soup, row.soup)
      const settled = row.outcome === null ? undefined : readOutcome(row.outcome)
      return {
        id: row.id,
        place: row.place,
        soup: { ...shape, ...(parameters ? { parameters } : {}) },
        split: split.parse(row.split),
        scorer: { name: row.scorer, version: row.version },
        state: state.parse(row.state),
        attempts: validOr(z.number(), row.attempts, 0),
        lease: row.state === 'leased' ? row.lease_id : null,
        expiresAt: row.state === 'leased' ? row.expires_at : null,
        score: settled?.score ?? null,
        samples: settled?.samples ?? null,
        error: settled?.error ?? null,
        details: row.details === null ? null : details.parse(JSON.parse(row.details)),
        createdAt: row.created_at,
        settledAt: row.settled_at,
      }
    },
    reason => {
      throw unreadableRecord({ job: row.job_id }, `the candidate ${row.id} is damaged: ${reason}`)
    },
  )
}
