import { distance } from 'fastest-levenshtein'

/** Longest name that is compared. Longer ones are no typing errors, and the time of a comparison grows with the square of the length. */
const maximumCharacters = 100

/**
 * Returns the known name with the fewest edits to `name`, if possible one that begins with it.
 * @returns undefined if `known` is empty, or if `name` has more than 100 characters
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > maximumCharacters) return undefined
  const longer = name === '' ? [] : known.filter(each => each.startsWith(name))
  return (longer.length > 0 ? longer : known).reduce<string | undefined>(
    (best, each) => (best === undefined || distance(name, each) < distance(name, best) ? each : best),
    undefined,
  )
}
