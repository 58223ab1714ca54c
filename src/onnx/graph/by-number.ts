/**
 * Returns an empty array with a place for each of some operators or leaves, by their numbers. V8 would make a slow
 * dictionary of an array that is filled from its end.
 */
export function byNumber<Item>(numbered: readonly { id: number }[]): (Item | undefined)[] {
  let size = 0
  for (const { id } of numbered) size = Math.max(size, id + 1)
  return new Array<Item | undefined>(size)
}
