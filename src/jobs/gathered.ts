import { setImmediate } from 'node:timers/promises'

/** Most kept scores that are looked up together. Their keys take about 3 ms to compute. */
const keysOfSlice = 64

/**
 * Returns a function that looks up one value. It looks up many together, a slice in a turn of the event loop: a search may ask for thousands
 * at once.
 */
export function gathered<Key, Found>(
  findAll: (keys: readonly Key[]) => Promise<Found[]>,
): (key: Key) => Promise<Found> {
  type Waiting = { key: Key; resolve(found: Found): void; reject(error: unknown): void }
  let waiting: Waiting[] = []
  let isAtWork = false
  const findSlice = async (slice: readonly Waiting[]) => {
    try {
      const found = await findAll(slice.map(({ key }) => key))
      for (const [index, each] of found.entries()) slice[index]?.resolve(each)
    } catch (error) {
      for (const { reject } of slice) reject(error)
    }
  }
  const work = async () => {
    while (waiting.length > 0) {
      await setImmediate()
      const slice = waiting.slice(0, keysOfSlice)
      waiting = waiting.slice(keysOfSlice)
      await findSlice(slice)
    }
    isAtWork = false
  }
  return key => {
    const { promise, resolve, reject } = Promise.withResolvers<Found>()
    waiting.push({ key, resolve, reject })
    if (!isAtWork) void work()
    isAtWork = true
    return promise
  }
}
