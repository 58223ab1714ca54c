import type { SearchResult } from '../schemas/search.ts'
import type { TermResult } from '../schemas/search-terms.ts'
import { shownScore, tableLines } from './terminal.ts'

/**
 * Returns true if the winner is better than the best single model. With test data, the whole interval of the difference must be on the
 * better side; without, the score on selection counts. An objective without an interval must be better on both.
 */
export function hasImproved({ winner, bestSingle, improved, test, direction, terms }: SearchResult): boolean {
  const isBetter = (score: number | null, than: number | null) =>
    score !== null && than !== null && (direction === 'max' ? score > than : score < than)
  if (test !== null && (terms === undefined || test.interval !== null)) return improved === true
  return isBetter(winner.score, bestSingle.score) && (test === null || isBetter(test.winner, test.bestSingle))
}

/** Returns what a person wants to know about a search. @param readable puts names in place of ids */
export function searchLines(result: SearchResult, readable: (text: string) => string): string[] {
  const { models = [], test, evaluations, seconds, recommended, contributions = [], notes, terms, mistakes } = result
  const nameOf = (id: string) => models.find(model => model.id === id)?.name ?? id
  const namesOf = (soup: { models: string[] } | null) => soup?.models.map(nameOf).join(', ') ?? '-'
  const rows = [
    [
      'best single model',
      namesOf(result.bestSingle),
      shownScore(result.bestSingle.score),
      shownScore(test?.bestSingle),
    ],
    ['mean of all', namesOf(result.uniform), shownScore(result.uniform?.score), shownScore(test?.uniform)],
    ['winner', namesOf(result.winner), shownScore(result.winner.score), shownScore(test?.winner)],
  ]
  const spoilers = contributions.filter(({ spoils }) => spoils).map(({ model }) => nameOf(model))
  return [
    ...tableLines(['soup', 'models', terms === undefined ? 'selection' : 'objective', 'test'], rows),
    ...(terms === undefined ? [] : termLines(terms)),
    ...(result.pairs ? barrierLines(result.pairs, result.models ?? []) : []),
    ...(mistakes
      ? [
          `on ${mistakes.on}, the winner newly gets ${mistakes.newlyRight} samples right and ${mistakes.newlyWrong} wrong`,
        ]
      : []),
    `${evaluations} soups scored in ${seconds.toFixed(1)} s`,
    ...(spoilers.length > 0 ? [`Soups are better without ${spoilers.join(', ')}.`] : []),
    ...notes.filter(note => note !== recommended?.reason).map(note => `note: ${note}`),
    ...(recommended
      ? [`recommended: the ${recommended.choice === 'winner' ? 'winner' : 'best single model'}; ${recommended.reason}`]
      : []),
  ].map((line, index) => (index === 0 ? line : readable(line)))
}

/** Most models whose barriers fit a table on a terminal. */
const mostInTable = 10

/** Returns the matrix of barriers between the models; nothing if there are too many. */
function barrierLines(
  { barriers }: NonNullable<SearchResult['pairs']>,
  models: NonNullable<SearchResult['models']>,
): string[] {
  if (models.length > mostInTable) return []
  const between = (a: string, b: string) =>
    barriers.find(pair => (pair.a === a && pair.b === b) || (pair.a === b && pair.b === a))
  const rows = models.map(({ id, name }) => [
    name ?? id,
    ...models.map(other => shownScore(between(id, other.id)?.barrier)),
  ])
  return tableLines(['barrier', ...models.map(({ id, name }) => name ?? id)], rows)
}

/** Returns the scores of the winner in each term, beside those of the best single model by it. */
function termLines(terms: readonly TermResult[]): string[] {
  const rows = terms.map(({ dataset, metric, external, weight, winner, bestSingle, test, outcome }) => [
    dataset?.name ?? dataset?.id ?? external?.name ?? '-',
    metric ?? '-',
    String(weight),
    shownScore(winner),
    shownScore(bestSingle.score),
    shownScore(test?.winner),
    shownScore(test?.bestSingle),
    (test ? test.outcome : outcome) ?? '-',
  ])
  return tableLines(['data', 'metric', 'weight', 'winner', 'best', 'winner on test', 'best on test', 'outcome'], rows)
}
