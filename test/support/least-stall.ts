/** Most milliseconds of processor time for which one request may block the event loop. */
export const mostStallOfOne = 50

const tries = 5

/**
 * Returns the first of up to five stalls that is within {@link mostStallOfOne}, or the shortest. Other users of the processor and its caches
 * slow a try down, and never make a request faster.
 */
export async function leastStall(measure: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let each = 0; least > mostStallOfOne && each < tries; each += 1) least = Math.min(least, await measure())
  return least
}
