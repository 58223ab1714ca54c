import type { ClassNames } from './class-names.ts'
import { ClassTally } from './class-tally.ts'
import type { Label } from './label.ts'

/**
 * Counts predicted labels, where the request names the classes. Integers are class indices, as ArgMax gives, if all of them can be;
 * otherwise they are the named values. Only the whole set decides, so it counts both ways.
 */
export class NamedPredictions {
  readonly #names: ClassNames
  readonly #ofIndices: ClassTally
  readonly #ofValues: ClassTally
  #areIndices = true
  #areValues = true

  constructor(names: ClassNames, keep: boolean) {
    this.#names = names
    this.#ofIndices = new ClassTally(names.size, keep)
    this.#ofValues = new ClassTally(names.size, keep)
  }

  /** Counts a prediction. Returns false if the predictions so far are neither all indices nor all values. */
  add(target: number, predicted: Label): boolean {
    const [index, value] = [this.#names.ofIndex(predicted), this.#names.ofValue(predicted)]
    if (index === undefined) this.#areIndices = false
    if (value === undefined) this.#areValues = false
    if (index !== undefined) this.#ofIndices.add(target, index)
    if (value !== undefined) this.#ofValues.add(target, value)
    return this.#areIndices || this.#areValues
  }

  /** Ends a sample: later predictions belong to the next one. */
  endSample(): void {
    this.#ofIndices.endSample()
    this.#ofValues.endSample()
  }

  get tally(): ClassTally {
    return this.#areIndices ? this.#ofIndices : this.#ofValues
  }

  /** The reading, for the result. */
  get note(): string {
    return `${this.#areIndices ? 'indices' : 'values'} of the classes of the request`
  }
}
