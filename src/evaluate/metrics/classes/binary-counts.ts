import { ClassTally } from './class-tally.ts'
import type { OutputReading } from './output-reading.ts'

/**
 * Counts of a binary head. Until the whole set has shown what its scores are, predictions are counted both ways:
 * probabilities are class 1 above 0.5, logits above 0. On the threshold it is 0, as by argmax over (1 - p, p).
 */
export class BinaryCounts {
  readonly #ofProbabilities: ClassTally
  readonly #ofLogits: ClassTally

  constructor(keep: boolean) {
    this.#ofProbabilities = new ClassTally(2, keep)
    this.#ofLogits = new ClassTally(2, keep)
  }

  add(target: number, score: number): void {
    this.#ofProbabilities.add(target, score > 0.5 ? 1 : 0)
    this.#ofLogits.add(target, score > 0 ? 1 : 0)
  }

  /** What follows belongs to the next sample. */
  endSample(): void {
    this.#ofProbabilities.endSample()
    this.#ofLogits.endSample()
  }

  get samples(): number {
    return this.#ofLogits.samples
  }

  settle(reading: OutputReading): { tally: ClassTally; note: string } {
    return reading.logits
      ? { tally: this.#ofLogits, note: `${reading.note}; class 1 is above 0` }
      : { tally: this.#ofProbabilities, note: `${reading.note}; class 1 is above 0.5` }
  }
}
