import type { SearchResult } from '../../schemas/search.ts'

const words = {
  true: 'The winner is better than the best single model on test.',
  false: 'No soup is shown to be better than the best single model on test.',
  null: 'The search has no test on samples of its own, so it cannot tell if a soup helps there.',
}

/** Returns in one sentence whether a search found a soup that helps. */
export function verdictOf({ improved }: Pick<SearchResult, 'improved'>): string {
  return words[`${improved}`]
}
