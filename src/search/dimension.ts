/** A parameter of the method that a search chooses: its range, and the value that it has where nothing is chosen. */
export type Dimension = { name: string; from: number; to: number; start: number; isInteger: boolean }

/** Places in a range are rounded to this many parts of it, so that candidates that were tried before are found again. */
const parts = 10_000

/** Where the start of a dimension lies in its range, from 0 to 1. */
export function startOf({ from, to, start }: Dimension): number {
  return from === to ? 0 : roundPlace(Math.max(0, Math.min(1, (start - from) / (to - from))))
}

export function roundPlace(place: number): number {
  return Math.round(place * parts) / parts
}

/** Parameters at places in their ranges. */
export function parametersAtPlaces(
  dimensions: readonly Dimension[],
  places: readonly number[],
): Readonly<Record<string, number>> | undefined {
  if (dimensions.length === 0) return undefined
  return Object.fromEntries(
    dimensions.map(({ name, from, to, isInteger }, index) => {
      const value = from + (places[index] ?? 0) * (to - from)
      // Twelve digits, so that recipes can be read.
      return [name, isInteger ? Math.round(value) : Number(value.toPrecision(12))]
    }),
  )
}
