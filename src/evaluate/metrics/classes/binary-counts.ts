import { type ClassCounts, countPrediction, newClassCounts } from './class-counts.ts'
import type { OutputReading } from './output-reading.ts'

/**
 * Counts of a binary head. Until the whole set has shown what its scores are, predictions are counted both ways:
 * probabilities are class 1 above 0.5, logits above 0. On the threshold it is 0, as by argmax over (1 - p, p).
 */
export class BinaryCounts {
  readonly #ofProbabilities = newClassCounts(2)
  readonly #ofLogits = newClassCounts(2)

  add(target: number, score: number): void {
    countPrediction(this.#ofProbabilities, target, score > 0.5 ? 1 : 0)
    countPrediction(this.#ofLogits, target, score > 0 ? 1 : 0)
  }

  settle(reading: OutputReading): { counts: ClassCounts; note: string } {
    return reading.logits
      ? { counts: this.#ofLogits, note: `${reading.note}; class 1 is above 0` }
      : { counts: this.#ofProbabilities, note: `${reading.note}; class 1 is above 0.5` }
  }
}
