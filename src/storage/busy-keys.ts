/** Idempotency keys of running requests: those of all servers that share the store. */
export type BusyKeys = {
  /** Takes a key. @returns the function that frees it; undefined if a running request has it */
  take(key: string): Promise<(() => Promise<void>) | undefined>
}

/** Returns the busy keys of a server that has its store alone. */
export function localBusyKeys(): BusyKeys {
  const busy = new Set<string>()
  return {
    async take(key) {
      if (busy.has(key)) return undefined
      busy.add(key)
      return async () => void busy.delete(key)
    },
  }
}
