import { judge, type ObjectiveTerm, referenceOf, type TermReference, type TermScores } from './objective.ts'
import { bestOf } from './ranking.ts'
import type { ScoredCandidate, ScoredSoup } from './scored-candidate.ts'

/** A term of the objective, with what it is measured by. `bestSingle`: the best single model; the first one if none has a score; undefined if none was scored. */
export type TermStanding = ObjectiveTerm & TermReference & { bestSingle: ScoredCandidate | undefined }

/** The terms of a search, measured by its single models and its base. */
export type Standings = {
  terms: readonly TermStanding[]
  /** The scores of the base; null without a base, or if the budget was spent before it was scored. */
  base: TermScores | null
  /** Returns a soup with its objective, and the terms that it misses. */
  judge(candidate: ScoredCandidate): ScoredCandidate
}

/** Returns the scores of a soup, one for each term. */
export function scoresOfTerms({ terms = [] }: ScoredSoup): TermScores {
  return terms.map(({ value }) => value)
}

/** Measures terms by the single models that were scored, and by the base. */
export function judgeByTerms(
  terms: readonly ObjectiveTerm[],
  singles: readonly ScoredCandidate[],
  base: ScoredSoup | null,
): Standings {
  const scores = base && scoresOfTerms(base)
  const standings = terms.map((term, index): TermStanding => {
    const byTerm = singles.map(single => ({ soup: single.soup, value: single.terms?.[index]?.value ?? null, single }))
    const best = bestOf(byTerm, term.direction) ?? byTerm[0]
    const reference = referenceOf(term, best?.value ?? null, scores?.[index] ?? null)
    return { ...term, ...reference, bestSingle: best?.single }
  })
  return {
    terms: standings,
    base: scores,
    judge: candidate => ({ ...candidate, ...judge(terms, standings, scoresOfTerms(candidate)) }),
  }
}
