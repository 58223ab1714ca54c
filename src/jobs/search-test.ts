import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { candidateSoup } from '../search/candidate-soup.ts'
import type { TestScores } from '../search/recommendation.ts'
import type { SearchEnd } from '../search/search-end.ts'
import { everyModel } from '../search/strategy.ts'
import { type TestedTerm, testByTerms } from '../search/test-by-terms.ts'
import type { SoupScore } from './kept-scores.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import { subjectOf } from './scoring-task.ts'
import { soupOfBase, soupOrigin } from './search-soups.ts'
import { objectiveTerms, type TermScoring } from './search-term.ts'
import { bootstrap, type ComparedSoups, type TestServices, testTerm } from './test-term.ts'

/**
 * Scores on test, which the choice of candidates does not use. `samples`: null if a scorer gave no score for each sample, and for a list.
 * `ignored`: number of targets that they leave out. `leftOut`: number of bootstrap replicates that the interval leaves out. `terms`: the
 * scores of a list, term by term; then the others are values of the objective.
 */
export type SampledTestScores = TestScores & {
  samples: number | null
  ignored: number
  leftOut: number
  terms?: readonly TestedTerm[]
  /** Indices of the terms of a list whose threshold the winner misses on test. */
  misses?: readonly number[]
}

/**
 * Scores the winner, the best single model and the mean of all models once on test, and computes the interval of the difference between the
 * first two. For a list it does so for each term, with the best single model by that term, and the base. Null if the request has no test.
 */
export async function scoreOnTest(
  end: SearchEnd,
  search: ResolvedSearch,
  services: TestServices,
): Promise<SampledTestScores | null> {
  const everything = candidateSoup(everyModel(search.models.length), [])
  const scorings = search.terms.flatMap(({ test }) => (test ? [test] : []))
  const [only] = scorings
  if (!only) return null
  const { winner, bestSingle, standings } = end
  if (!standings)
    return ofOneTerm(only, { winner: winner.soup, bestSingle: bestSingle.soup, everything }, search, services)
  const base = soupOfBase(search)
  const seeds = seedsOf(scorings)
  const terms = await Promise.all(
    scorings.map(async (scoring, index): Promise<TestedTerm> => {
      const best = standings.terms[index]?.bestSingle?.soup ?? bestSingle.soup
      const soups = [winner.soup, best, bestSingle.soup, everything, ...(base ? [base] : [])]
      const gains = { single: bestSingle.soup, seed: seeds[index] ?? bootstrap.seed }
      const compared: ComparedSoups = { soups, pair: [winner.soup, best], gains }
      const { scoreOf, noteOf, direction: _, ...rest } = await testTerm(scoring, compared, search, services)
      const values = { winner: scoreOf(winner.soup), best: scoreOf(best), bestSingle: scoreOf(bestSingle.soup) }
      const others = { uniform: scoreOf(everything), base: base && scoreOf(base) }
      const notes = { winner: noteOf(winner.soup), bestSingle: noteOf(best) }
      return { ...values, ...others, ...rest, notes }
    }),
  )
  const { confidence } = bootstrap
  return {
    ...testByTerms(objectiveTerms(search.terms), terms, confidence),
    confidence,
    samples: null,
    ignored: 0,
    terms,
  }
}

/** Returns the seed of each term: equal for terms on the same samples, whose resamples are then the same, and different for all others. */
function seedsOf(scorings: readonly TermScoring[]): number[] {
  const samplesOf = (scoring: TermScoring, index: number) => {
    // The samples of a scorer are unknown here.
    if (scoring.kind === 'external') return `scorer ${index}`
    const { sha256, binding } = scoring.dataset
    return JSON.stringify([sha256, binding.inputs.map(({ array }) => array).sort()])
  }
  const known = [...new Set(scorings.map(samplesOf))]
  return scorings.map((scoring, index) => bootstrap.seed + known.indexOf(samplesOf(scoring, index)))
}

async function ofOneTerm(
  scoring: TermScoring,
  { winner, bestSingle, everything }: Record<'winner' | 'bestSingle' | 'everything', CandidateSoup>,
  search: ResolvedSearch,
  services: TestServices,
): Promise<SampledTestScores> {
  const compared: ComparedSoups = { soups: [winner, bestSingle, everything], pair: [winner, bestSingle], gains: null }
  const { scoreOf, noteOf, direction, gains: _, ...rest } = await testTerm(scoring, compared, search, services)
  const notes = { winner: noteOf(winner), bestSingle: noteOf(bestSingle) }
  const scores = { winner: scoreOf(winner), bestSingle: scoreOf(bestSingle), uniform: scoreOf(everything) }
  return { ...scores, confidence: bootstrap.confidence, direction, notes, ...rest }
}

/** Returns the scores of a soup of the search that are kept by data set: on selection, and on test if there is one. */
export function scoresOf(
  soup: CandidateSoup,
  search: ResolvedSearch,
  tested: SampledTestScores | null,
  threads: number,
): SoupScore[] {
  const origin = soupOrigin(soup, search)
  const scoreOn = (scoring: TermScoring, samples: number | null | undefined): SoupScore[] => {
    if (scoring.kind === 'external') return []
    const { dataset, metric } = scoring
    const subject = subjectOf(origin, dataset, threads)
    return [{ subject, metric: metric.identity, samples: samples ?? dataset.samples }]
  }
  return search.terms.flatMap(({ selection, test }, index) => [
    ...scoreOn(selection, undefined),
    ...(test && tested ? scoreOn(test, tested.terms ? tested.terms[index]?.samples : tested.samples) : []),
  ])
}
