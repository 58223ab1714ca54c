/**
 * A sum in binary64 that carries along what rounding takes from it, so that its error does not grow with the number of
 * terms (Neumaier 1974, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen"). Terms are added one
 * by one in the order of the samples: batches leave no trace in it.
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
    // Beyond the finite numbers the correction is infinity minus infinity.
    return Number.isFinite(this.#sum) ? this.#sum + this.#lost : this.#sum
  }

  /** NaN without terms. */
  get mean(): number {
    return this.total / this.#count
  }
}

/** The arithmetic mean; NaN of nothing. */
export function meanOf(values: Iterable<number>): number {
  const sum = new RunningSum()
  for (const value of values) sum.add(value)
  return sum.mean
}
