import { ownTurn } from '../own-turn.ts'

/**
 * Returns a function that reads as `read` does. All that ask for one key before the read has its turn of the event loop share it. So hundreds
 * of clients that wait for one job cost one read, and nobody sees an older record than without sharing.
 */
export function sharedReads<Key extends (string | number)[], Value>(
  read: (...key: Key) => Promise<Value>,
): (...key: Key) => Promise<Value> {
  const coming = new Map<string, Promise<Value>>()
  const begin = async (name: string, key: Key): Promise<Value> => {
    await ownTurn()
    coming.delete(name)
    return read(...key)
  }
  return (...key) => {
    const name = key.join(' ')
    const known = coming.get(name) ?? begin(name, key)
    coming.set(name, known)
    return known
  }
}
