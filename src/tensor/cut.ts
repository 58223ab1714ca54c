/**
 * A cut in an order by size. Before it stand all elements larger than `value`, and the equal ones with an index up to
 * `last`.
 */
export type Cut = { value: number; last: number }

/** True if an element stands before a cut or at it. NaN is larger than any number, and equal to every other NaN. */
export function isWithin(key: number, index: number, { value, last }: Cut): boolean {
  if (Number.isNaN(key)) return !Number.isNaN(value) || index <= last
  return key > value || (key === value && index <= last)
}

/** True if an element stands after one cut, if given, and up to another. */
export function isBetween(key: number, index: number, behind: Cut | null, upTo: Cut): boolean {
  return isWithin(key, index, upTo) && !(behind && isWithin(key, index, behind))
}
