/** Checks that there is one count for each kept sample. @throws RangeError if not, which is a mistake of the caller */
export function requireCounts(counts: Uint32Array, samples: number): void {
  if (counts.length !== samples) throw new RangeError(`${counts.length} counts for ${samples} samples that are kept`)
}
