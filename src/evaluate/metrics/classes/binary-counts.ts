import { ClassTally } from './class-tally.ts'
import type { OutputReading } from './output-reading.ts'

/**
 * Counts of a binary head. Only the whole set shows whether its scores are probabilities or logits, so it counts both ways. A probability
 * above 0.5 and a logit above 0 mean class 1; the threshold itself means class 0, as in an argmax over (1 - p, p).
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

  /** Ends a sample: later counts belong to the next one. */
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
