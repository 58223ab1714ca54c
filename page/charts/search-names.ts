import type { SearchResult } from '../../schemas/search.ts'

/** A candidate of a search, as its result lists it. */
export type ListedCandidate = SearchResult['candidates'][number]

/** Most models that a tooltip names. */
const mostNames = 6

/** Returns a function that names a model of a search by its id. */
export function modelNames({ models = [] }: Pick<SearchResult, 'models'>): (id: string) => string {
  const names = new Map(models.map(({ id, name }) => [id, name ?? id]))
  return id => names.get(id) ?? id
}

/** Returns the names of the models of a soup, such as `ft0, ft1`. */
export function soupName(models: readonly string[], nameOf: (id: string) => string): string {
  const shown = models.slice(0, mostNames).map(nameOf).join(', ')
  return models.length > mostNames ? `${shown} and ${models.length - mostNames} more` : shown
}

/** Returns true if the first of two scores is the better one. */
export function isBetter(score: number, than: number, direction: SearchResult['direction']): boolean {
  return direction === 'max' ? score > than : score < than
}

/** True if a candidate misses a score that a term of the search demands. */
export function isRuledOut({ misses = [] }: Pick<ListedCandidate, 'misses'>): boolean {
  return misses.length > 0
}
