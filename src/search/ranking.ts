import type { CandidateSoup } from '../merge/candidate-plan.ts'

export type Direction = 'max' | 'min'

/** A score such that more is better, whatever the metric's direction. */
export function goodness(value: number | null, direction: Direction): number {
  if (value === null) return Number.NEGATIVE_INFINITY
  return direction === 'max' ? value : -value
}

type Ranked = { soup: CandidateSoup; value: number | null }

/**
 * The best of some soups. Ties go to fewer models, then to the models that come first in the request, then to what was scored
 * first: a soup that merely ties a single model does not replace it. Undefined if none has a score.
 */
export function bestOf<Soup extends Ranked>(soups: readonly Soup[], direction: Direction): Soup | undefined {
  let best: Soup | undefined
  for (const soup of soups) {
    if (soup.value !== null && (!best || isBetter(soup, best, direction))) best = soup
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
