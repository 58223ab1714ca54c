/** An item with a number of its own, from 0 on. */
export type Numbered = { id: number }

/** The items that a spread has reached. */
export type Reached<Item, Label> = {
  has(item: Item): boolean
  /** Returns the label of the first seed that reached an item; undefined if none did. */
  labelOf(item: Item): Label | undefined
  items: readonly Item[]
}

/**
 * Visits items from seeds by steps of `next`, which calls `visit` with each item one step away. Each item is visited
 * once, and gets the label of the first seed that reaches it.
 * @param size larger than the number of any item
 */
export function spread<Item extends Numbered, Label>(
  size: number,
  seeds: readonly (readonly [Item, Label])[],
  next: (item: Item, visit: (item: Item) => void, label: Label) => void,
): Reached<Item, Label> {
  const items: Item[] = []
  // An array of small numbers is faster than a Map of items: networks have some hundred thousand.
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

/** Visits items from seeds as {@link spread} does, without labels. */
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
