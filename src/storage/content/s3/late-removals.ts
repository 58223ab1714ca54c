import { setTimeout as delay } from 'node:timers/promises'
import type { Removal } from '../content-claims.ts'

/** Removals of a server that has its store alone, whose requests may arrive after they have ended. */
export type LateRemovals = {
  /** Begins a removal, which is always allowed. */
  begin(sha256: string): Removal
  /** Waits until no earlier removal of the content can arrive any more. */
  wait(sha256: string): Promise<void>
}

export function createLateRemovals(): LateRemovals {
  /** Times by `performance.now()`, by digest. */
  const until = new Map<string, number>()
  return {
    begin: sha256 => ({
      isAllowed: () => true,
      mayArriveLate: milliseconds => void until.set(sha256, performance.now() + milliseconds),
    }),
    async wait(sha256) {
      const end = until.get(sha256)
      if (end === undefined) return
      await delay(end - performance.now())
      until.delete(sha256)
    },
  }
}
