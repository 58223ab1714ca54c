/** Counts running uploads by client: those of all servers that share the store. */
export type RunningUploads = {
  /**
   * Counts an upload of a client.
   * @param allow called with the numbers of running uploads of all clients and of this one; it may throw to refuse the upload
   * @returns the function that ends the upload; further calls do nothing
   */
  begin(client: string, allow: (total: number, ofClient: number) => void): Promise<() => Promise<void>>
}

/** Returns the uploads of a server that has its store alone. */
export function localUploads(): RunningUploads {
  const counts = new Map<string, number>()
  let total = 0
  return {
    async begin(client, allow) {
      const own = counts.get(client) ?? 0
      allow(total, own)
      total += 1
      counts.set(client, own + 1)
      let isRunning = true
      return async () => {
        if (!isRunning) return
        isRunning = false
        total -= 1
        const left = (counts.get(client) ?? 1) - 1
        if (left > 0) counts.set(client, left)
        else counts.delete(client)
      }
    },
  }
}
