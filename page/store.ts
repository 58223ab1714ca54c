import { useEffect, useState } from 'preact/hooks'

/** A value that parts of the page share. */
export type SharedValue<Value> = {
  get(): Value
  set(next: Value): void
  /** Calls a listener after each change, until the returned function is called. */
  subscribe(listener: () => void): () => void
}

export function sharedValue<Value>(initial: Value): SharedValue<Value> {
  let value = initial
  const listeners = new Set<() => void>()
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return
      value = next
      for (const listener of [...listeners]) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** Returns the present value, and renders the component again when it changes. */
export function useShared<Value>(shared: SharedValue<Value>): Value {
  const [value, setValue] = useState(() => shared.get())
  useEffect(() => {
    const update = () => setValue(() => shared.get())
    // It may have changed between rendering and now.
    update()
    return shared.subscribe(update)
  }, [shared])
  return value
}
