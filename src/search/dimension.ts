/** A parameter of the merge method that a search chooses: its range, and its value if nothing is chosen. */
export type SearchDimension = { name: string; from: number; to: number; start: number; isInteger: boolean }

/** Places in a range are rounded to 1/10,000 of it, so that a candidate tried before is found again. */
const parts = 10_000

/** Returns the place of a dimension's start in its range, from 0 to 1. */
export function startOf({ from, to, start }: SearchDimension): number {
  return from === to ? 0 : roundPlace(Math.max(0, Math.min(1, (start - from) / (to - from))))
}

/** Returns a place in a range, rounded to 1/10,000. */
export function roundPlace(place: number): number {
  return Math.round(place * parts) / parts
}

/** Returns the values of parameters at the given places in their ranges, from 0 to 1. */
export function parametersAtPlaces(
  dimensions: readonly SearchDimension[],
  places: readonly number[],
): Readonly<Record<string, number>> | undefined {
  if (dimensions.length === 0) return undefined
  return Object.fromEntries(
    dimensions.map(({ name, from, to, isInteger }, index) => {
      const value = from + (places[index] ?? 0) * (to - from)
      // Twelve digits keep recipes readable.
      return [name, isInteger ? Math.round(value) : Number(value.toPrecision(12))]
    }),
  )
}
