/** One page of a list. */
type ItemPage<Item> = { items: Item[]; nextCursor: string | null }

/**
 * Yields all items of a list, page by page: `allItems(page => client.listModels({ ...page, label: { run: '42' } }))`.
 * @param list called with the cursor of each page, and with none for the first
 */
export async function* allItems<Item>(
  list: (page: { cursor?: string }) => Promise<ItemPage<Item>>,
): AsyncGenerator<Item> {
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await list(cursor === undefined ? {} : { cursor })
    yield* items
    if (nextCursor === null) return
    cursor = nextCursor
  }
}
