import type { SearchResult } from '../schemas/search.ts'
import { shownScore, tableLines } from './terminal.ts'

/**
 * Returns true if the winner is better than the best single model. With test data, the whole interval of the difference must be on the
 * better side; without, the score on selection counts.
 */
export function hasImproved({ winner, bestSingle, improved, test, direction }: SearchResult): boolean {
  if (test !== null) return improved === true
  if (winner.score === null || bestSingle.score === null) return false
  return direction === 'max' ? winner.score > bestSingle.score : winner.score < bestSingle.score
}

/** Returns what a person wants to know about a search. @param readable puts names in place of ids */
export function searchLines(result: SearchResult, readable: (text: string) => string): string[] {
  const { models = [], test, evaluations, seconds, recommended, contributions = [], notes } = result
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
    ...tableLines(['soup', 'models', 'selection', 'test'], rows),
    `${evaluations} soups scored in ${seconds.toFixed(1)} s`,
    ...(spoilers.length > 0 ? [`Soups are better without ${spoilers.join(', ')}.`] : []),
    ...notes.filter(note => note !== recommended?.reason).map(note => `note: ${note}`),
    ...(recommended
      ? [`recommended: the ${recommended.choice === 'winner' ? 'winner' : 'best single model'}; ${recommended.reason}`]
      : []),
  ].map((line, index) => (index === 0 ? line : readable(line)))
}
