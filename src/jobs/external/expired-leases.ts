import type { Catalog } from '../../storage/database.ts'
import { hasEnded } from '../end-job.ts'
import { insertLog } from '../job-event-rows.ts'
import { outcomeText } from './candidate-rows.ts'
import type { ExternalSearch } from './locked-search.ts'

/** Leases that a candidate has at most. After the last one it is unscored. */
export const maximumLeases = 3

/**
 * Takes the candidates of a search from leases that have expired. They are open again; after the third lease they are unscored.
 * @param search its job must be locked
 */
export async function settleExpired(transaction: Catalog, { id, status }: ExternalSearch, now: string): Promise<void> {
  const expired = transaction
    .selectFrom('search_leases')
    .select('id')
    .where('job_id', '=', id)
    .where('expires_at', '<=', now)
  const taken = () =>
    transaction
      .updateTable('search_candidates')
      .where('job_id', '=', id)
      .where('state', '=', 'leased')
      .where('lease_id', 'in', expired)
  const error = `None of its ${maximumLeases} leases brought a score; the last one expired before ${now}`
  const outcome = { score: null, samples: null, error, by: 'leases' as const }
  const given = await taken()
    .where('attempts', '>=', maximumLeases)
    .set({ state: 'unscored', outcome: outcomeText(outcome), settled_at: now })
    .returning(['id', 'place'])
    .execute()
  await taken().set({ state: 'open', lease_id: null }).execute()
  if (hasEnded(status)) return
  for (const { id: candidate } of given.toSorted((a, b) => a.place - b.place))
    await insertLog(transaction, id, `The candidate ${candidate} is unscored: ${error}`)
}
