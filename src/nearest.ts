import { distance } from 'fastest-levenshtein'

/** Longer names are no typing errors, and comparing them takes time that grows with the square of their length. */
const maximumCharacters = 100

/** The one of `known` that takes the fewest edits to become `name`; undefined if nothing is known, or the name has more than 100 characters. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > maximumCharacters) return undefined
  return known.reduce<string | undefined>(
    (best, each) => (best === undefined || distance(name, each) < distance(name, best) ? each : best),
    undefined,
  )
}
