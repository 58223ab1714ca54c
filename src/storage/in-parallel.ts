/** Most runs at a time. Node serves the file system with four threads, so more calls would only wait. */
const atOnce = 4

/**
 * Runs `run` for every item, four at a time. After a failure it starts no more runs, waits for the running ones, and throws the first
 * error.
 */
export async function inParallel<Item>(items: Iterable<Item>, run: (item: Item) => Promise<unknown>): Promise<void> {
  const rest = items[Symbol.iterator]()
  let failure: { error: unknown } | undefined
  const runs = Array.from({ length: atOnce }, async () => {
    for (let next = rest.next(); !next.done && !failure; next = rest.next()) {
      try {
        await run(next.value)
      } catch (error) {
        failure ??= { error }
      }
    }
  })
  await Promise.all(runs)
  if (failure) throw failure.error
}
