/** Locks as PostgreSQL has them on rows: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS. */
export type LockMode = 'keyShare' | 'noKeyUpdate' | 'update'

/** A lock that a transaction wants. `name`: the row, or the number of an advisory lock. */
export type WantedLock = { name: string; mode: LockMode }

const conflicts: Record<LockMode, ReadonlySet<LockMode>> = {
  keyShare: new Set(['update']),
  noKeyUpdate: new Set(['noKeyUpdate', 'update']),
  update: new Set(['keyShare', 'noKeyUpdate', 'update']),
}

/** The locks of open transactions. */
export type LockTable<Holder> = {
  /** Takes all of the locks. @returns the others that hold conflicting locks; then it takes none */
  take(holder: Holder, wanted: readonly WantedLock[]): Set<Holder>
  /** Releases all locks of a transaction. */
  release(holder: Holder): void
  /** True if another transaction holds a lock. */
  hasOthers(holder: Holder): boolean
}

/** Returns a table without locks. */
export function lockTable<Holder>(): LockTable<Holder> {
  const held = new Map<string, Map<Holder, Set<LockMode>>>()
  const names = new Map<Holder, Set<string>>()
  return {
    hasOthers: holder => names.size > (names.has(holder) ? 1 : 0),
    take(holder, wanted) {
      const others = new Set<Holder>()
      for (const { name, mode } of wanted)
        for (const [other, modes] of held.get(name) ?? [])
          if (other !== holder && !conflicts[mode].isDisjointFrom(modes)) others.add(other)
      if (others.size > 0) return others
      const own = names.get(holder) ?? new Set()
      if (wanted.length > 0) names.set(holder, own)
      for (const { name, mode } of wanted) {
        own.add(name)
        const holders = held.get(name) ?? new Map<Holder, Set<LockMode>>()
        held.set(name, holders)
        holders.set(holder, (holders.get(holder) ?? new Set()).add(mode))
      }
      return others
    },
    release(holder) {
      for (const name of names.get(holder) ?? []) {
        const holders = held.get(name)
        holders?.delete(holder)
        if (holders?.size === 0) held.delete(name)
      }
      names.delete(holder)
    },
  }
}
