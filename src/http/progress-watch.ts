/** Least progress of a transfer. */
export type ProgressLimits = {
  /** Least bytes per second; 0: no minimum. */
  bytesPerSecond: number
  /** Milliseconds of waiting for the client over which the rate is averaged. */
  windowMilliseconds: number
  /** Milliseconds of waiting in which at least one byte must move. */
  idleMilliseconds: number
}

/** A transfer of bytes between a client and the server. */
export type Transfer = {
  /** Returns the number of bytes that have moved so far. */
  bytes(): number
  /** Returns true while the server waits for the client; false while the client waits for the server. */
  isWaiting(): boolean
  /** Called once if the transfer is too slow. `bytesPerSecond`: its rate over the window; undefined if it stood still. */
  onSlow(bytesPerSecond: number | undefined): void
}

export type ProgressWatch = {
  /** Watches a transfer until it is too slow, or the returned function is called. */
  watch(transfer: Transfer): () => void
  close(): void
}

/** Settings of the looks that a watch takes at its transfers. */
export type Looks = {
  /** Number of looks in a window. Bytes that move between two looks count at the second one. */
  perWindow: number
  /** Called before each look while the server waits for some client. It may update the source of `bytes`. */
  before?(): Promise<void>
}

/**
 * Returns a watch that finds transfers with slow clients. Only time in which the server waits for the client counts; time for the
 * server's own disk and other work does not.
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
    // A late look means a busy event loop: the server could not read or write either, so this time does not count.
    if (late) return
    if (before && watched.values().some(({ isWaiting }) => isWaiting())) await before()
    for (const look of watched.keys()) look()
  }
  const timer = setInterval(() => void lookAtAll(), interval).unref()

  return {
    watch(transfer) {
      const { bytes, isWaiting, onSlow } = transfer
      /** Bytes that moved before each look, for looks at which the server was waiting. */
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
