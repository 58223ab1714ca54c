import type { JobRequest } from '../../../schemas/job.ts'
import type { Direction } from '../../search/ranking.ts'

/**
 * Returns how a search with scores from outside ranks its candidates; undefined for other jobs. `direction`: null if the search has a list, and so
 * ranks by an objective.
 */
export function outsideSearch(job: JobRequest): { direction: Direction | null } | undefined {
  if (job.type !== 'search') return undefined
  const { selection } = job.request
  if (Array.isArray(selection)) return selection.some(term => 'external' in term) ? { direction: null } : undefined
  return 'external' in selection ? { direction: selection.direction } : undefined
}
