/**
 * A sum in binary64 that also sums its rounding errors, so that its error does not grow with the number of terms. See Neumaier 1974,
 * "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen". It adds terms one by one, so the split into batches does not
 * change the result.
 */
export class RunningSum {
  #sum = 0
  #lost = 0
  #count = 0

  add(term: number): void {
    const before = this.#sum
    const sum = before + term
    this.#lost += Math.abs(before) >= Math.abs(term) ? before - sum + term : term - sum + before
    this.#sum = sum
    this.#count += 1
  }

  get count(): number {
    return this.#count
  }

  get total(): number {
    // For an infinite sum the correction would be infinity minus infinity.
    return Number.isFinite(this.#sum) ? this.#sum + this.#lost : this.#sum
  }

  /** The mean of the terms; NaN without terms. */
  get mean(): number {
    return this.total / this.#count
  }
}

/** Returns the arithmetic mean; NaN without values. */
export function meanOf(values: Iterable<number>): number {
  const sum = new RunningSum()
  for (const value of values) sum.add(value)
  return sum.mean
}
