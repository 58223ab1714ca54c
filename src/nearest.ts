import { distance } from 'fastest-levenshtein'

/** The one of `known` that takes the fewest edits to become `name`; undefined if nothing is known. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  return known.reduce<string | undefined>(
    (best, each) => (best === undefined || distance(name, each) < distance(name, best) ? each : best),
    undefined,
  )
}
