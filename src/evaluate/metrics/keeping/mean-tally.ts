import { RunningSum } from '../running-sum.ts'
import { NumberList } from './number-list.ts'
import { requireCounts } from './require-counts.ts'

/** The mean of terms. Each sample has any number of them. With `keep` it keeps the sum and the number of the terms of each sample. */
export class MeanTally {
  readonly #keep: boolean
  readonly #all = new RunningSum()
  readonly #sums = new NumberList()
  readonly #terms = new NumberList()
  #current = new RunningSum()

  constructor(keep: boolean) {
    this.#keep = keep
  }

  /** Adds a term to the current sample. */
  add(term: number): void {
    this.#all.add(term)
    if (this.#keep) this.#current.add(term)
  }

  /** Ends a sample: later terms belong to the next one. */
  endSample(): void {
    if (!this.#keep) return
    this.#sums.push(this.#current.total)
    this.#terms.push(this.#current.count)
    this.#current = new RunningSum()
  }

  get count(): number {
    return this.#all.count
  }

  /** The mean of all terms; NaN without terms. */
  get mean(): number {
    return this.#all.mean
  }

  get samples(): number {
    return this.#sums.length
  }

  /**
   * Returns the mean over a set in which sample i occurs `counts[i]` times.
   * @throws RangeError if `counts` has not one number for each sample
   */
  resampled(counts: Uint32Array): number {
    requireCounts(counts, this.samples)
    const sums = this.#sums.values
    const terms = this.#terms.values
    const sum = new RunningSum()
    let count = 0
    for (let sample = 0; sample < counts.length; sample += 1) {
      const times = counts[sample] ?? 0
      // Skip the sample: its sum may be infinite, and infinity times 0 is NaN.
      if (times === 0) continue
      sum.add(times * (sums[sample] ?? 0))
      count += times * (terms[sample] ?? 0)
    }
    return sum.total / count
  }
}
