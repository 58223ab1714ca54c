import { BinaryCounts } from '../classes/binary-counts.ts'
import { noClass } from '../classes/class-counts.ts'
import type { ClassNames } from '../classes/class-names.ts'
import type { OutputsFrom } from '../classes/class-parameters.ts'
import { ClassTally } from '../classes/class-tally.ts'
import { requireAlike } from '../classes/doubtful-outputs.ts'
import { NamedPredictions } from '../classes/named-predictions.ts'
import { OutputReading } from '../classes/output-reading.ts'
import { requireClassCount } from '../classes/require-class-count.ts'
import type { Values } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import { isLabel, labelLimit } from './mask-labels.ts'

/**
 * Counts of outputs with one number for each pixel: a label, as from a network that ends in ArgMax, or the probability or logit of class 1.
 * Only the whole set decides. Outputs of an integer type in the size of the mask are labels. So are whole numbers of a float type, if some lie
 * outside [0, 1], or masks or request have more than two classes. Other numbers in [0, 1] are probabilities, and all others are logits. Where
 * the request names the classes, labels are their indices or their values.
 */
export class SingleChannelCounts {
  readonly #metric: string
  readonly #from: OutputsFrom
  readonly #reading: OutputReading
  readonly #names: ClassNames | undefined
  readonly #labels: { add(target: number, value: number): boolean; endSample(): void; tally: ClassTally; note: string }
  readonly #binary: BinaryCounts
  #maybeLabels: boolean
  #areIntegers = false
  #highestTarget = 0

  constructor(metric: string, from: OutputsFrom, names: ClassNames | undefined, keep: boolean) {
    this.#metric = metric
    this.#from = from
    this.#reading = new OutputReading(metric, from)
    this.#names = names
    this.#labels = names ? new NamedPredictions(names, keep) : plainLabels(keep)
    this.#binary = new BinaryCounts(keep)
    this.#maybeLabels = from === 'auto'
  }

  /** Looks at the numbers of one output before they are resampled. @param resampled true if they will be resampled */
  see({ data, integers }: Values, resampled: boolean): void {
    if (resampled) this.#maybeLabels = false
    if (integers) this.#areIntegers = true
    for (let i = 0; i < data.length; i += 1) {
      this.#reading.see(data, i, 1, 1)
      if (this.#maybeLabels && !this.#isLabel(data[i] ?? 0)) this.#maybeLabels = false
    }
  }

  /** Counts one pixel that is not ignored. */
  add(target: number, value: number): void {
    if (!this.#labels.add(target, value)) this.#maybeLabels = false
    if (target <= 1) this.#binary.add(target, value)
    if (target > this.#highestTarget) this.#highestTarget = target
  }

  /** Ends an image: later counts belong to the next one. */
  endSample(): void {
    this.#labels.endSample()
    this.#binary.endSample()
  }

  get samples(): number {
    return this.#labels.tally.samples
  }

  /**
   * Returns the counts of the right reading.
   * @throws TureenError `TUREEN_METRIC_MISMATCH` if the masks have, or the request names, more classes than the outputs can tell apart
   */
  settle(): { tally: ClassTally; note: string } {
    if (this.#areLabels) {
      return { tally: this.#labels.tally, note: `outputs read as labels: all are ${this.#labels.note}` }
    }
    const way =
      this.#from === 'auto' ? 'not all of them are labels of the same size' : 'they are not to be read as labels'
    if (this.#names) requireClassCount(this.#metric, this.#names, 1, `, and ${way}`)
    const highest = this.#highestTarget
    if (highest <= 1) return this.#binary.settle(this.#reading)
    const message = `labels are class indices unless the request names the values as classes; the masks have the label ${highest}, but the outputs have one number a pixel, and ${way}`
    throw mismatch(this.#metric, 'output', message, { expected: 'labels, or two classes', actual: `label ${highest}` })
  }

  /** Refuses labels that are numbered otherwise than the masks. @throws TureenError `TUREEN_METRIC_MISMATCH` */
  requireClear(): void {
    if (!this.#names && this.#areLabels) requireAlike(this.#metric, this.#labels.tally.counts)
  }

  get #areLabels(): boolean {
    const isBinary = this.#highestTarget <= 1 && (this.#names?.size ?? 2) === 2
    return this.#maybeLabels && (this.#areIntegers || this.#reading.logits || !isBinary)
  }

  #isLabel(value: number): boolean {
    if (!this.#names) return isLabel(value)
    return this.#names.ofIndex(value) !== undefined || this.#names.ofValue(value) !== undefined
  }
}

/** Returns the counts of labels that stand for themselves. */
function plainLabels(keep: boolean) {
  const tally = new ClassTally(labelLimit, keep, true)
  return {
    tally,
    note: 'integers from 0',
    endSample: () => tally.endSample(),
    add(target: number, value: number) {
      tally.add(target, isLabel(value) ? value : noClass)
      return true
    },
  }
}
