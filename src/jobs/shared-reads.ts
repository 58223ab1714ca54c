import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Returns a function that reads as `read` does. All that ask for one id in the same turn of the event loop share a read, which begins after
 * that turn. So hundreds of clients that wait for one job cost one read, and nobody sees an older record than without sharing.
 */
export function sharedReads<Value>(read: (id: string) => Promise<Value>): (id: string) => Promise<Value> {
  const coming = new Map<string, Promise<Value>>()
  const begin = async (id: string): Promise<Value> => {
    await nextTurn()
    coming.delete(id)
    return read(id)
  }
  return id => {
    const known = coming.get(id) ?? begin(id)
    coming.set(id, known)
    return known
  }
}
