import type { Operator } from './network.ts'

/** Returns an empty array with a place for each of some operators, by their numbers. An array that grows from its end would become a Map. */
export function byNumber<Item>(operators: readonly Operator[]): (Item | undefined)[] {
  let size = 0
  for (const { id } of operators) size = Math.max(size, id + 1)
  return new Array<Item | undefined>(size)
}
