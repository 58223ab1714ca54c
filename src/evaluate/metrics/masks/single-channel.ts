import { BinaryCounts } from '../classes/binary-counts.ts'
import { type ClassCounts, countPrediction, newClassCounts, noClass } from '../classes/class-counts.ts'
import type { OutputsFrom } from '../classes/class-parameters.ts'
import { OutputReading } from '../classes/output-reading.ts'
import { mismatch } from '../mismatch.ts'
import { highestTarget, isLabel, labelLimit } from './mask-labels.ts'

/**
 * Counts of outputs with one number for each pixel: a label, as a network that ends in ArgMax answers, or the
 * probability or logit of class 1. Only the whole set can tell: in [0, 1] they are probabilities, of which 0 and 1 are
 * labels at the same time; else integers of the mask's own size are labels; all others are logits.
 */
export class SingleChannelCounts {
  readonly #metric: string
  readonly #from: OutputsFrom
  readonly #reading: OutputReading
  readonly #labels = newClassCounts(labelLimit)
  readonly #binary = new BinaryCounts()
  #maybeLabels: boolean

  constructor(metric: string, from: OutputsFrom) {
    this.#metric = metric
    this.#from = from
    this.#reading = new OutputReading(metric, from)
    this.#maybeLabels = from === 'auto'
  }

  /** Takes the numbers of one output as the network gave them, before they are resampled. */
  see(data: ArrayLike<number>, resampled: boolean): void {
    if (resampled) this.#maybeLabels = false
    for (let i = 0; i < data.length; i += 1) {
      this.#reading.see(data, i, 1, 1)
      if (this.#maybeLabels && !isLabel(data[i] ?? 0)) this.#maybeLabels = false
    }
  }

  /** Counts one pixel that is not ignored. */
  add(target: number, value: number): void {
    countPrediction(this.#labels, target, isLabel(value) ? value : noClass)
    if (target <= 1) this.#binary.add(target, value)
  }

  /** @throws TureenError `TUREEN_METRIC_MISMATCH` if the masks have more classes than the outputs can tell apart */
  settle(): { counts: ClassCounts; note: string } {
    if (this.#maybeLabels && (this.#reading.logits || highestTarget(this.#labels) > 1)) {
      return { counts: this.#labels, note: 'outputs read as labels: all are integers from 0' }
    }
    const highest = highestTarget(this.#labels)
    if (highest <= 1) return this.#binary.settle(this.#reading)
    const way =
      this.#from === 'auto' ? 'not all of them are labels of the same size' : 'they are not to be read as labels'
    const message = `the masks have the label ${highest}, but the outputs have one number a pixel, and ${way}`
    throw mismatch(this.#metric, 'output', message)
  }
}
