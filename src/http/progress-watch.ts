/** What a transfer must achieve. */
export type ProgressLimits = {
  /** Bytes a second, at least; 0: any. */
  bytesPerSecond: number
  /** Milliseconds of waiting for the client over which the rate is averaged. */
  windowMilliseconds: number
  /** Milliseconds of waiting in which at least one byte must move. */
  idleMilliseconds: number
}

/** Bytes on their way between a client and the server. */
export type Transfer = {
  /** Bytes that have moved so far. */
  bytes(): number
  /** Whether the server waits for the client at this moment, and not the other way round. */
  isWaiting(): boolean
  /** Hears, once, of a transfer that is too slow. `bytesPerSecond`: its rate over the window; undefined if it stood still. */
  onSlow(bytesPerSecond: number | undefined): void
}

export type ProgressWatch = {
  /** Watches a transfer until it is too slow, or the returned function is called. */
  watch(transfer: Transfer): () => void
  close(): void
}

/** How a watch looks at its transfers. */
export type Looks = {
  /** Looks in a window. What a client does between two looks counts as done at the second. */
  perWindow: number
  /** Called before a look at which the server waits for a client, such as to ask the system what `bytes` then tells. */
  before?(): Promise<void>
}

/**
 * Watches transfers for clients that hold on to them. Only the time in which the server waits for the client counts: time that the server
 * takes itself, for its disk or other work, is not the client's.
 */
export function createProgressWatch(limits: ProgressLimits, { perWindow, before }: Looks): ProgressWatch {
  const { bytesPerSecond, windowMilliseconds, idleMilliseconds } = limits
  const interval = Math.ceil(Math.min(windowMilliseconds, idleMilliseconds) / perWindow)
  const windowLooks = Math.ceil(windowMilliseconds / interval)
  const idleLooks = Math.ceil(idleMilliseconds / interval)
  const leastBytes = (bytesPerSecond * windowLooks * interval) / 1000
  const watched = new Map<() => void, Transfer>()
  let last = performance.now()

  const lookAtAll = async () => {
    const now = performance.now()
    const late = now - last > 2 * interval
    last = now
    // A server that could not look could not read or write either.
    if (late) return
    if (before && watched.values().some(({ isWaiting }) => isWaiting())) await before()
    for (const look of watched.keys()) look()
  }
  const timer = setInterval(() => void lookAtAll(), interval).unref()

  return {
    watch(transfer) {
      const { bytes, isWaiting, onSlow } = transfer
      /** Bytes that moved before each look at which the server was waiting. */
      const moved: number[] = []
      let sum = 0
      let still = 0
      let seen = bytes()
      const look = () => {
        if (!isWaiting()) return
        const now = bytes()
        const bytesMoved = now - seen
        seen = now
        moved.push(bytesMoved)
        sum += bytesMoved
        if (moved.length > windowLooks) sum -= moved.shift() ?? 0
        still = bytesMoved > 0 ? 0 : still + 1
        const isSlow = moved.length === windowLooks && sum < leastBytes
        if (!isSlow && still < idleLooks) return
        watched.delete(look)
        onSlow(isSlow ? Math.round((sum * 1000) / (windowLooks * interval)) : undefined)
      }
      watched.set(look, transfer)
      return () => watched.delete(look)
    },
    close: () => clearInterval(timer),
  }
}
