import { ContentGone } from './content-store.ts'

/** Counts leases on content, and keeps removals of leased content back until the last lease is released. */
export type HeldFiles = {
  /**
   * Counts a lease.
   * @returns the function that ends it; further calls do nothing
   * @throws ContentGone if the removal of the content has begun or waits
   */
  hold(sha256: string): () => void
  isHeld(sha256: string): boolean
  /** Runs `remove` now, or when the last lease is released. It must not throw. @returns after the removal, or at once if it has to wait */
  whenFree(sha256: string, remove: () => Promise<void>): Promise<void>
  /** Forgets a removal that waits, because the same content was put again. */
  keep(sha256: string): void
  /** Returns the number of leases. */
  count(): number
}

export function createHeldFiles(): HeldFiles {
  const held = new Map<string, number>()
  /** Removals that wait, by digest; null while one runs. */
  const removals = new Map<string, (() => Promise<void>) | null>()
  const run = async (sha256: string, remove: () => Promise<void>) => {
    removals.set(sha256, null)
    await remove()
    removals.delete(sha256)
  }
  const release = (sha256: string) => {
    const left = (held.get(sha256) ?? 0) - 1
    if (left > 0) held.set(sha256, left)
    else held.delete(sha256)
    const remove = left > 0 ? undefined : removals.get(sha256)
    if (remove) void run(sha256, remove)
  }
  return {
    hold(sha256) {
      if (removals.has(sha256)) throw new ContentGone(sha256)
      held.set(sha256, (held.get(sha256) ?? 0) + 1)
      let isHeld = true
      return () => {
        if (isHeld) release(sha256)
        isHeld = false
      }
    },
    isHeld: sha256 => held.has(sha256),
    async whenFree(sha256, remove) {
      if (held.has(sha256)) removals.set(sha256, remove)
      else await run(sha256, remove)
    },
    keep(sha256) {
      // A removal that runs already goes on; the put waits for it.
      if (removals.get(sha256)) removals.delete(sha256)
    },
    count: () => held.values().reduce((sum, count) => sum + count, 0),
  }
}
