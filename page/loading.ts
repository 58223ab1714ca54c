import { useEffect, useState } from 'preact/hooks'
import { connection, handledByPage } from './connection.ts'
import { sharedValue, useShared } from './store.ts'

/** Something that a view loads. `value` stays while it loads again. */
export type Loaded<Value> = { value: Value | undefined; error: unknown; isLoading: boolean }

/** Number of changes that this page has made to the store: views load again when it grows. */
const changes = sharedValue(0)

/** Says that this page has changed the store, so that views load again. */
export function storeChanged(): void {
  changes.set(changes.get() + 1)
}

/**
 * Loads something, again when its key changes, when this page has changed the store, and when the connection is back.
 *
 * @param key names what is loaded; another key forgets the old value
 * @param load its signal aborts when the result is no longer needed
 * @param seconds loads again after this time, while the tab is visible; without it only when something changes
 */
export function useLoaded<Value>(
  key: string,
  load: (signal: AbortSignal) => Promise<Value>,
  seconds?: number,
): Loaded<Value> {
  const [state, setState] = useState<Loaded<Value> & { key: string }>({ key, ...nothing })
  const { tries } = useShared(connection)
  const count = useShared(changes)
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const run = async () => {
      try {
        const value = await load(signal)
        if (!signal.aborted) setState({ key, value, error: undefined, isLoading: false })
      } catch (error) {
        if (signal.aborted) return
        const shown = handledByPage(error) ? undefined : error
        setState(before => ({
          key,
          value: before.key === key ? before.value : undefined,
          error: shown,
          isLoading: false,
        }))
      }
    }
    void run()
    const timer = seconds === undefined ? undefined : setInterval(() => document.hidden || void run(), seconds * 1000)
    return () => {
      clearInterval(timer)
      controller.abort()
    }
  }, [key, tries, count, seconds])
  return state.key === key ? state : nothing
}

const nothing = { value: undefined, error: undefined, isLoading: true }
