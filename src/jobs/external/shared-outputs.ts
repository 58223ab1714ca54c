import pLimit from 'p-limit'
import { asTureenError } from '../../errors.ts'
import type { WrittenFile } from '../../threads/merge-task.ts'
import { unlessAborted } from '../../unless-aborted.ts'

/**
 * Makes files, and runs `hold` with them. They stay until `hold` ends.
 * @param signal fires when nobody needs the files any more
 */
export type MakeOutputs = (signal: AbortSignal, hold: (files: readonly WrittenFile[]) => Promise<void>) => Promise<void>

/**
 * Temporary files that requests share. A file is made at the first request, and once for all requests at the same time. Afterwards it stays
 * for a while, so that ranges and a GET behind a HEAD need not make it again.
 */
export type SharedOutputs = {
  /**
   * Runs `use` with the files of a key.
   * @param signal ends the wait. The making is cancelled some seconds after the last one that waits for it has gone
   * @throws the failure of the making
   */
  using<Result>(
    key: string,
    signal: AbortSignal,
    make: MakeOutputs,
    use: (files: readonly WrittenFile[]) => Promise<Result>,
  ): Promise<Result>
  /** Removes the files of a key once nobody uses them. If they are in the making, `reason` ends that. */
  drop(key: string, reason: Error): void
  /** Removes all files, and waits for the end of those that are in use. */
  close(): Promise<void>
}

/**
 * Limits of {@link createSharedOutputs}. `places`: most keys whose files exist or are made at a time; further requests wait. `idleSeconds`:
 * seconds that files stay without use. `idleBytes`: most bytes of unused files; the last used ones may have more. `patienceSeconds`: seconds
 * that a making goes on without a client.
 */
export type SharingLimits = { places: number; idleSeconds: number; idleBytes: number; patienceSeconds: number }

/** Proxies cut off an answer that takes a minute to begin. The client that then tries again finds the making further on. */
const defaultLimits: SharingLimits = { places: 8, idleSeconds: 60, idleBytes: 1 << 30, patienceSeconds: 10 }

/** The files of one key. `bytes`: null until they are made. */
type Shared = {
  users: number
  bytes: number | null
  isDropped: boolean
  files: Promise<readonly WrittenFile[]>
  cancelling: AbortController
  release(): void
  over: Promise<void>
  idle: NodeJS.Timeout | undefined
}

export function createSharedOutputs(limits: SharingLimits = defaultLimits): SharedOutputs {
  /** In the order of their last use. */
  const held = new Map<string, Shared>()
  const lives = new Set<Promise<void>>()
  const places = pLimit(limits.places)
  let isClosed = false

  /** Removes files, or ends their making. */
  const remove = (key: string, entry: Shared, reason: Error = abandoned()) => {
    clearTimeout(entry.idle)
    if (held.get(key) === entry) held.delete(key)
    if (entry.bytes === null) entry.cancelling.abort(reason)
    entry.release()
  }
  const unused = () => [...held].filter(([, { users }]) => users === 0)
  const makeRoom = () => {
    const [oldest] = unused()
    if (oldest && places.activeCount + places.pendingCount > limits.places) remove(...oldest)
  }
  /** Removes unused files above the limit, but not the last used ones. */
  const trim = () => {
    const entries = unused().filter(([, { bytes }]) => bytes !== null)
    let bytes = entries.reduce((sum, [, entry]) => sum + (entry.bytes ?? 0), 0)
    for (const [key, entry] of entries.slice(0, -1)) {
      if (bytes <= limits.idleBytes) return
      bytes -= entry.bytes ?? 0
      remove(key, entry)
    }
  }

  const begin = (key: string, make: MakeOutputs): Shared => {
    const made = Promise.withResolvers<readonly WrittenFile[]>()
    const released = Promise.withResolvers<void>()
    const cancelling = new AbortController()
    const entry: Shared = {
      users: 0,
      bytes: null,
      isDropped: false,
      files: made.promise,
      cancelling,
      release: released.resolve,
      over: Promise.resolve(),
      idle: undefined,
    }
    const tryOnce = () =>
      make(cancelling.signal, async files => {
        entry.bytes = files.reduce((sum, { bytes }) => sum + bytes, 0)
        made.resolve(files)
        await released.promise
      })
    const live = async () => {
      cancelling.signal.throwIfAborted()
      try {
        await tryOnce()
      } catch (error) {
        const spare = unused().filter(([, { bytes }]) => bytes !== null)
        if (asTureenError(error).code !== 'TUREEN_STORE_FULL' || spare.length === 0) throw error
        for (const each of spare) remove(...each)
        await Promise.all(spare.map(([, { over }]) => over))
        await tryOnce()
      }
    }
    // Users hear of a failure; one after the last use is none.
    made.promise.catch(() => undefined)
    entry.over = places(live).then(
      () => undefined,
      (error: unknown) => {
        made.reject(error)
        if (held.get(key) === entry) held.delete(key)
      },
    )
    lives.add(entry.over)
    void entry.over.then(() => lives.delete(entry.over))
    held.set(key, entry)
    return entry
  }

  const leave = (key: string, entry: Shared) => {
    entry.users -= 1
    // One whose making has failed is gone already.
    if (entry.users > 0 || held.get(key) !== entry) return
    if (entry.isDropped || isClosed || places.pendingCount > 0) return remove(key, entry)
    held.delete(key)
    held.set(key, entry)
    const seconds = entry.bytes === null ? limits.patienceSeconds : limits.idleSeconds
    entry.idle = setTimeout(() => remove(key, entry), seconds * 1000).unref()
    trim()
  }

  const drop = (key: string, entry: Shared, reason: Error) => {
    entry.isDropped = true
    if (entry.bytes === null || entry.users === 0) remove(key, entry, reason)
  }

  return {
    async using(key, signal, make, use) {
      const entry = held.get(key) ?? begin(key, make)
      clearTimeout(entry.idle)
      entry.users += 1
      makeRoom()
      try {
        return await use(await unlessAborted(signal, entry.files))
      } finally {
        leave(key, entry)
      }
    },
    drop(key, reason) {
      const entry = held.get(key)
      if (entry) drop(key, entry, reason)
    },
    async close() {
      isClosed = true
      for (const [key, entry] of [...held]) drop(key, entry, new Error('the server closes'))
      while (lives.size > 0) await Promise.all(lives)
    },
  }
}

function abandoned(): Error {
  return new DOMException('Nobody waits for the file', 'AbortError')
}
