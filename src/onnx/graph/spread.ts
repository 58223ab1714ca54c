/** Something with a number of its own, from 0 on. */
export type Numbered = { id: number }

/** What a spread has reached. */
export type Reached<Item, Label> = {
  has(item: Item): boolean
  /** The label of the first seed that reached an item; undefined if none did. */
  labelOf(item: Item): Label | undefined
  items: readonly Item[]
}

/**
 * Reaches items from seeds by steps of `next`, which hands each item one step away to `visit`. Each item is looked at once and gets the
 * label of the first seed that reaches it.
 * @param size more than the largest number of an item
 */
export function spread<Item extends Numbered, Label>(
  size: number,
  seeds: readonly (readonly [Item, Label])[],
  next: (item: Item, visit: (item: Item) => void, label: Label) => void,
): Reached<Item, Label> {
  const items: Item[] = []
  // Of small numbers, which are faster than a Map of the items: networks have some hundred thousand.
  const seedOf = seeds.length === 0 ? new Int32Array(0) : new Int32Array(size)
  const open: Item[] = []
  seeds.forEach(([seed, label], index) => {
    const visit = (item: Item) => {
      if (seedOf[item.id]) return
      seedOf[item.id] = index + 1
      items.push(item)
      open.push(item)
    }
    visit(seed)
    for (let item = open.pop(); item; item = open.pop()) next(item, visit, label)
  })
  return {
    has: item => Boolean(seedOf[item.id]),
    labelOf: item => seeds[(seedOf[item.id] ?? 0) - 1]?.[1],
    items,
  }
}

/** Reaches items from seeds as {@link spread} does, without labels. */
export function reachedBy<Item extends Numbered>(
  size: number,
  seeds: readonly Item[],
  next: (item: Item, visit: (item: Item) => void) => void,
): Reached<Item, null> {
  return spread(
    size,
    seeds.map(seed => [seed, null] as const),
    next,
  )
}
