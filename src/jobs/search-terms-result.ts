import type { SearchResult } from '../../schemas/search.ts'
import type { TermResult } from '../../schemas/search-terms.ts'
import { gainOf } from '../search/objective.ts'
import { type Direction, goodness } from '../search/ranking.ts'
import { sideOf } from '../search/recommendation.ts'
import type { SearchEnd } from '../search/search-end.ts'
import type { Standings, TermStanding } from '../search/standings.ts'
import type { TestedTerm } from '../search/test-by-terms.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import type { SearchTerm } from './search-term.ts'
import type { SampledTestScores } from './search-test.ts'

/** Returns the part of a result that only a search by a list of terms has: the winner by each term, and the base. */
export function resultByTerms(
  search: ResolvedSearch,
  { winner }: Pick<SearchEnd, 'winner'>,
  { terms, base }: Standings,
  test: SampledTestScores | null,
): Pick<SearchResult, 'terms' | 'base'> {
  const { base: model } = search
  const hasBase = model !== null
  return {
    terms: terms.map((standing, index) => {
      const score = winner.terms?.[index]
      const own = { value: score?.value ?? null, ignored: score?.ignored ?? 0 }
      return {
        ...sourceOf(search.terms[index]),
        ...standingOf(search, standing, own),
        ...(hasBase ? { base: base?.[index] ?? null } : {}),
        test: testOf(test?.terms?.[index], standing.direction, hasBase),
      }
    }),
    ...(model
      ? {
          base: {
            id: model.id,
            name: model.name,
            sha256: model.sha256,
            scores: terms.map((_, index) => base?.[index] ?? null),
            test: test?.terms?.map(term => term.base) ?? null,
          },
        }
      : {}),
  }
}

/** Returns the data set and the scoring metric of a term, or its scorer. */
function sourceOf(term: SearchTerm | undefined): Pick<TermResult, 'dataset' | 'metric' | 'external'> {
  if (!term) return {}
  const { selection } = term
  if (selection.kind === 'external') return { external: selection.scorer }
  const { dataset, metric } = selection
  return { dataset: { id: dataset.id, name: dataset.name }, metric: metric.task.name }
}

function standingOf(
  { models }: ResolvedSearch,
  { direction, weight, threshold, best, bestSingle }: TermStanding,
  { value, ignored }: { value: number | null; ignored: number },
): Omit<TermResult, 'dataset' | 'metric' | 'external' | 'base' | 'test'> {
  const model = models[bestSingle?.soup.members[0] ?? 0]
  return {
    direction,
    weight,
    ...(threshold === undefined ? {} : { atLeast: threshold }),
    bestSingle: { model: model?.id ?? '', name: model?.name ?? null, score: best },
    winner: value,
    gain: gainOf(value, best, direction),
    isRelative: best !== 0,
    outcome: value === null || best === null ? null : outcomeOf(goodness(value, direction) - goodness(best, direction)),
    ignored,
  }
}

function testOf(tested: TestedTerm | undefined, direction: Direction, hasBase: boolean): TermResult['test'] {
  if (!tested) return null
  const { winner, best, uniform, base, interval, samples, ignored, leftOut } = tested
  const side = sideOf({ interval, direction })
  return {
    winner,
    bestSingle: best,
    uniform,
    ...(hasBase ? { base } : {}),
    difference: winner === null || best === null ? null : winner - best,
    interval,
    outcome: side && (side === 'around 0' ? 'neither' : side === 'better' ? 'gained' : 'lost'),
    samples,
    ignored,
    leftOut,
  }
}

function outcomeOf(better: number): TermResult['outcome'] {
  return better > 0 ? 'gained' : better < 0 ? 'lost' : 'neither'
}
