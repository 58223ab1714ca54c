import type { CandidateSoup } from '../merge/candidate-plan.ts'

export type Direction = 'max' | 'min'

/**
 * Returns a score for which more is better: the value, negated if the metric is to be minimised. -Infinity for null.
 */
export function goodness(value: number | null, direction: Direction): number {
  if (value === null) return Number.NEGATIVE_INFINITY
  return direction === 'max' ? value : -value
}

/** Returns the goodness by which a soup ranks: -Infinity as well if it misses a threshold. */
export function rankOf(soup: Omit<Ranked, 'soup'>, direction: Direction): number {
  return soup.misses?.length ? Number.NEGATIVE_INFINITY : goodness(soup.value, direction)
}

type Ranked = { soup: CandidateSoup; value: number | null; misses?: readonly number[] | undefined }

/**
 * Returns the best of some soups; undefined if none has a score. Soups that miss a threshold are left out. Ties go to the soup of fewer models, then to models
 * earlier in the request, then to the soup scored first. So a soup that only ties with a single model does not replace
 * it.
 */
export function bestOf<Soup extends Ranked>(soups: readonly Soup[], direction: Direction): Soup | undefined {
  let best: Soup | undefined
  for (const soup of soups) {
    if (soup.value !== null && !soup.misses?.length && (!best || isBetter(soup, best, direction))) best = soup
  }
  return best
}

function isBetter(a: Ranked, b: Ranked, direction: Direction): boolean {
  const difference = goodness(a.value, direction) - goodness(b.value, direction)
  if (difference !== 0) return difference > 0
  const fewer = b.soup.members.length - a.soup.members.length
  if (fewer !== 0) return fewer > 0
  const place = a.soup.members.findIndex((member, index) => member !== b.soup.members[index])
  return place >= 0 && (a.soup.members[place] ?? 0) < (b.soup.members[place] ?? 0)
}
