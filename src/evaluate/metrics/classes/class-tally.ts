import { NumberList } from '../keeping/number-list.ts'
import { requireCounts } from '../keeping/require-counts.ts'
import { type ClassCounts, countPrediction, newClassCounts, noClass } from './class-counts.ts'

/** Counts the predictions of a set, and with `keep` also those of each sample. */
export class ClassTally {
  readonly counts: ClassCounts
  readonly #kept: SampleCounts | undefined

  /** @param isOpen true if the number of classes is not known, and `classes` is only a bound */
  constructor(classes: number, keep: boolean, isOpen = false) {
    this.counts = { ...newClassCounts(classes), isOpen }
    this.#kept = keep ? new SampleCounts(classes) : undefined
  }

  /** Counts a sample, a position or a pixel. @param prediction a class, or {@link noClass} */
  add(target: number, prediction: number): void {
    countPrediction(this.counts, target, prediction)
    this.#kept?.add(target, prediction)
  }

  /** Ends a sample: later counts belong to the next one. */
  endSample(): void {
    this.#kept?.endSample()
  }

  get samples(): number {
    return this.#kept?.samples ?? 0
  }

  /**
   * Returns the counts of a set in which sample i occurs `counts[i]` times, up to the highest class of the samples.
   * @throws RangeError if `counts` has not one number for each sample
   */
  resampled(counts: Uint32Array): ClassCounts {
    requireCounts(counts, this.samples)
    return this.#kept?.resampled(counts) ?? newClassCounts(0)
  }

  /** Returns the classes of the kept samples; undefined if a sample has several targets. */
  get ofSamples(): SampleClasses | undefined {
    return this.#kept?.classes()
  }
}

/** The class of the target and the predicted class of each sample; {@link noClass} where there is none. */
export type SampleClasses = { targets: Int32Array; predictions: Int32Array }

/** Numbers in an entry: sample, class, and the counts of that class as target, as prediction, and as both. */
const entrySize = 5

/** Counts of single samples. They take 40 bytes for each class that occurs in a sample, as target or as prediction. */
class SampleCounts {
  readonly #current: ClassCounts
  readonly #entries = new NumberList()
  #classes: number[] = []
  #limit = 0
  samples = 0

  constructor(classes: number) {
    this.#current = newClassCounts(classes)
  }

  add(target: number, prediction: number): void {
    if (this.#isNew(target)) this.#classes.push(target)
    if (prediction !== target && prediction !== noClass && this.#isNew(prediction)) this.#classes.push(prediction)
    countPrediction(this.#current, target, prediction)
  }

  #isNew(c: number): boolean {
    return this.#current.support[c] === 0 && this.#current.predicted[c] === 0
  }

  endSample(): void {
    const { support, predicted, correct } = this.#current
    for (const c of this.#classes) {
      this.#limit = Math.max(this.#limit, c + 1)
      for (const number of [this.samples, c, support[c] ?? 0, predicted[c] ?? 0, correct[c] ?? 0]) {
        this.#entries.push(number)
      }
      support[c] = 0
      predicted[c] = 0
      correct[c] = 0
    }
    this.#classes = []
    this.samples += 1
  }

  /** Returns the classes of each sample; undefined if a sample has several targets, whose predictions the counts do not tell apart. */
  classes(): SampleClasses | undefined {
    const targets = new Int32Array(this.samples).fill(noClass)
    const predictions = new Int32Array(this.samples).fill(noClass)
    const entries = this.#entries.values
    for (let entry = 0; entry < entries.length; entry += entrySize) {
      const [sample = 0, c = 0, support = 0, predicted = 0] = entries.subarray(entry, entry + entrySize)
      if (support > 1 || (support === 1 && targets[sample] !== noClass)) return undefined
      if (support === 1) targets[sample] = c
      if (predicted === 1) predictions[sample] = c
    }
    return { targets, predictions }
  }

  resampled(counts: Uint32Array): ClassCounts {
    const { support, predicted, correct } = newClassCounts(this.#limit)
    const entries = this.#entries.values
    for (let entry = 0; entry < entries.length; entry += entrySize) {
      const times = counts[entries[entry] ?? 0] ?? 0
      if (times === 0) continue
      const c = entries[entry + 1] ?? 0
      support[c] = (support[c] ?? 0) + times * (entries[entry + 2] ?? 0)
      predicted[c] = (predicted[c] ?? 0) + times * (entries[entry + 3] ?? 0)
      correct[c] = (correct[c] ?? 0) + times * (entries[entry + 4] ?? 0)
    }
    return { support, predicted, correct }
  }
}
