/** The time of a search, from its first start on, without the time between the end of a server and the next start. */
export type SearchClock = {
  /** Seconds that the search has run. */
  seconds(): number
  /** Seconds that the search may still run; infinite without a budget. */
  secondsLeft(): number
  /** Seconds so far, and those that the rest of `total` candidates will take; null while nothing tells. */
  times(done: number, total: number): { seconds: number; secondsLeft: number | null }
}

/**
 * Starts the clock of a search.
 * @param budget seconds that the search may run in all; undefined for as long as it takes
 * @param before seconds that it ran in earlier processes
 * @param now milliseconds of a clock that only goes forward
 */
export function searchClock(budget: number | undefined, before: number, now = () => performance.now()): SearchClock {
  const started = now()
  const sinceStart = () => (now() - started) / 1000
  const seconds = () => before + sinceStart()
  const secondsLeft = () => Math.max(0, (budget ?? Number.POSITIVE_INFINITY) - seconds())
  let firstDone: { done: number; at: number } | undefined
  return {
    seconds,
    secondsLeft,
    times(done, total) {
      // The first candidate is no measure of the others, because it waits for processes to start.
      firstDone ??= { done, at: sinceStart() }
      const each = done > firstDone.done ? (sinceStart() - firstDone.at) / (done - firstDone.done) : null
      const left = each === null ? null : Math.min(each * Math.max(0, total - done), secondsLeft())
      return { seconds: seconds(), secondsLeft: left }
    },
  }
}

/** Returns a signal that fires when the budget of a clock is spent; never without a budget. */
export function deadlineOf({ secondsLeft }: SearchClock): AbortSignal {
  const left = secondsLeft()
  return left === Number.POSITIVE_INFINITY ? new AbortController().signal : AbortSignal.timeout(Math.ceil(left * 1000))
}
