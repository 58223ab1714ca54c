/** Most milliseconds of processor time for which one request may block the event loop. */
export const mostStallOfOne = 50

const tries = 5

/**
 * The first of up to five stalls that is within {@link mostStallOfOne}, or the least: a processor and caches that others use slow a single
 * try down, and no request is the faster for it.
 */
export async function leastStall(measure: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let each = 0; least > mostStallOfOne && each < tries; each += 1) least = Math.min(least, await measure())
  return least
}
