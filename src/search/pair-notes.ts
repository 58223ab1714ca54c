import { type PairFindings, spoilersAmong } from './pair-barriers.ts'
import { shownNumber } from './shown-number.ts'

/** Most models that a note names. */
const mostNamed = 5

/** Returns in words what the barriers between pairs of models say, and what to try next. @param names name of each model */
export function notesOnPairs(
  { barriers, groups }: PairFindings,
  names: readonly string[],
  recalibrates: boolean,
): string[] {
  const named = (models: readonly number[]) => {
    const shown = models.slice(0, mostNamed).map(model => names[model] ?? '')
    const more = models.length - shown.length
    return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ')
  }
  const several = groups.filter(({ length }) => length > 1)
  const spoilers = spoilersAmong(groups)
  const [largest = []] = several
  if (groups.length === 1)
    return [
      'no pair of models has a barrier: they average well with each other; search their soups with greedy or exhaustive',
    ]
  const notes: string[] = []
  if (spoilers.length > 0)
    notes.push(
      `${named(spoilers)}: midpoints with other models score below their ends; leave out what spoils, and search the soups of ${named(largest)}`,
    )
  if (several.length > 1)
    notes.push(
      `the models are in ${several.length} groups without barriers inside: ${several.map(named).join('; ')}; average fewer models, those of one group`,
    )
  if (several.length === 0)
    notes.push(
      `all pairs have a barrier${leastOf(barriers)}: the models are too far apart; average models that are closer to each other, such as checkpoints of one run or fine-tunes with fewer steps`,
    )
  if (!recalibrates) notes.push('if the network has batch norms, send recalibrate: it can remove barriers')
  return notes
}

/** Returns how large the least of the barriers is, in words; nothing if none has a number. */
function leastOf(barriers: PairFindings['barriers']): string {
  const least = barriers.reduce((least, { barrier }) => Math.min(least, barrier ?? least), Number.POSITIVE_INFINITY)
  return Number.isFinite(least) ? `, of ${shownNumber(least)} at least` : ''
}
