/** @throws RangeError unless there is a count for each of the samples kept, which is the caller's mistake */
export function requireCounts(counts: Uint32Array, samples: number): void {
  if (counts.length !== samples) throw new RangeError(`${counts.length} counts for ${samples} samples that are kept`)
}
